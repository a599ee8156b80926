"""Personas: everybody who can knock at a target's door, named so that probes can act as them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runbook.notebook.task import TaskSession
from runbook.query.table import Table

TENANTS = ("tenant A", "tenant B")


def introduce(
    task: TaskSession,
    made: Table,
    acting: Sequence[Mapping[str, Any]],
    tokens: Mapping[str, Mapping[str, str]],
    others: Table,
) -> Table:
    """Name two tenants, strangers with tokens that are none, whoever else holds rights, and the owner.

    Args:
        task: in whose session they are named.
        made: how to act as each tenant, as it was made of the target's policies: `persona`, `role`, `settings`, `sees`.
        acting: how to act as each, as the operator says it: `role` and `settings`; where given, it counts.
        tokens: the settings of the strangers, by what they are called.
        others: further roles, and whether a tenant can act as them: `role`, `is_tenant`.

    Returns:
        A row each: `persona`, `role`, `settings` (JSON), `sees_itself` (None: nobody asked), `is_tenant`.
    """
    said = [{"persona": name, "sees": None, **one} for name, one in zip(TENANTS, acting, strict=False)]
    said = said or [dict(one) for one in made.dicts()]
    stranger, token = said[0]["role"], said[0]["settings"]
    people: list[tuple[str, str, Mapping[str, str], Any, bool]] = [
        (one["persona"], one["role"], one["settings"], one["sees"], True) for one in said
    ]
    people += [(name, stranger, settings, None, True) for name, settings in tokens.items()]
    people += [
        (role, role, token if is_tenant else {}, None, is_tenant) for role, is_tenant in others if role != stranger
    ]
    people.append(("owner", "", {}, None, False))
    for name, role, settings, _, _ in people:
        task.persona(name, role, settings)
    rows = [[name, role, json.dumps(settings), sees, is_tenant] for name, role, settings, sees, is_tenant in people]
    task.setting("personas", json.dumps([{"persona": row[0], "sees": row[3]} for row in rows]))
    return Table(["persona", "role", "settings", "sees_itself", "is_tenant"], rows)
