"""Grants, drawn by a seed: by table and column, of functions, sequences, schemas, passed on, to roles of any name."""

import random

NAMES = (
    "billing",
    "read-only",
    'O"Brien',
    "Crm-Owner",
    "select",
    "naïve",
    "public ",
    "Ein sehr langer Name mit 60 Zeichen, damit nichts passt",
)
KNOWN = ("anon", "authenticated", "service_role", "organization_user", "PUBLIC")
TABLES = {
    "organizations": (
        "id",
        "name",
        "plan_name",
        "status",
        "total_credits",
        "contact_email",
        "created_at",
        "updated_at",
    ),
    "organization_credits": ("organization_id", "total_credits", "used_credits", "remaining_credits", "updated_at"),
    "credit_actions": ("id", "organization_id", "action_type", "credits_consumed", "description", "created_at"),
}
BY_TABLE = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "ALL")
BY_COLUMN = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
FUNCTION = "FUNCTION consume_credits_rpc(uuid, text, integer)"
MOST = 12  # statements


def draw_grants(seed: int) -> str:
    """Return grants as SQL: the same for the same seed."""
    dice = random.Random(seed)
    roles = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in dice.sample(NAMES, dice.randint(1, 4))]
    lines = ["-- as the superuser"]
    for role in roles:
        attributes = dice.choice(("NOLOGIN", "LOGIN", "NOLOGIN NOINHERIT", "LOGIN BYPASSRLS"))
        lines += [f"CREATE ROLE {role} {attributes};"]
        lines += [f"GRANT {role} TO guardian;"] * (dice.random() < 0.8)
    if len(roles) > 1 and dice.random() < 0.5:
        lines.append(f"GRANT {roles[0]} TO {roles[1]};")
    lines.append("-- as the owner")
    for role in roles:
        lines.append(f"GRANT USAGE ON SCHEMA public TO {role};")
    for _ in range(dice.randint(1, MOST)):
        lines.append(_statement(dice, roles))
    lines += _passed_on(dice, roles)
    return "\n".join(lines)


def _statement(dice: random.Random, roles: list[str]) -> str:
    verb, role = dice.choice(("GRANT", "GRANT", "GRANT", "REVOKE")), dice.choice([*roles, *roles, *KNOWN])
    return f"{verb} {_right(dice)} {'FROM' if verb == 'REVOKE' else 'TO'} {role}{_option(dice, verb, role)};"


def _option(dice: random.Random, verb: str, role: str) -> str:
    return " WITH GRANT OPTION" if verb == "GRANT" and role != "PUBLIC" and dice.random() < 0.25 else ""


def _right(dice: random.Random) -> str:
    what = dice.choice(("table", "table", "columns", "columns", "function", "sequence", "schema", "all"))
    table = dice.choice(list(TABLES))
    if what == "table":
        return f"{dice.choice(BY_TABLE)} ON {table}"
    if what == "columns":
        columns = dice.sample(TABLES[table], dice.randint(1, 3))
        return f"{dice.choice(BY_COLUMN)} ({', '.join(columns)}) ON {table}"
    if what == "function":
        return f"EXECUTE ON {FUNCTION}"
    if what == "sequence":
        return f"{dice.choice(('USAGE', 'SELECT', 'UPDATE', 'ALL'))} ON SEQUENCE credit_actions_id_seq"
    if what == "schema":
        return "USAGE ON SCHEMA public"
    return f"{dice.choice(('SELECT', 'ALL'))} ON ALL TABLES IN SCHEMA public"


def _passed_on(dice: random.Random, roles: list[str]) -> list[str]:
    """Return statements by which one who may pass a right on passes it on."""
    if dice.random() < 0.5:
        return []
    first, last = dice.choice([*roles, "service_role"]), dice.choice([*roles, "authenticated", "PUBLIC"])
    right = dice.choice(("UPDATE ON organizations", "SELECT (name) ON organizations", f"EXECUTE ON {FUNCTION}"))
    return [
        f"GRANT {right} TO {first} WITH GRANT OPTION;",
        "-- as the superuser",
        f"SET ROLE {first};",
        f"GRANT {right.replace(' ON ', ' ON public.' if 'FUNCTION' not in right else ' ON ')} TO {last};",
        "RESET ROLE;",
    ]
