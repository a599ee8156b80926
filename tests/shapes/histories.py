"""Histories of a migration, drawn by a seed: what others do meanwhile, where it is killed, how far it goes."""

import random
import threading
from dataclasses import dataclass, field

import psycopg

from tests.support.databases import Database
from tests.support.draw import Moment
from tests.support.in_process import Killed


@dataclass(frozen=True)
class Act:
    """What somebody else does to the target.

    Attributes:
        since: number of the task after which it makes sense.
        blocks: what it makes stands on what the migration made, so that there is no rollback without it.
    """

    name: str
    sql: str
    since: int = 0
    blocks: bool = False


ONE = "(SELECT id FROM organizations WHERE name !~ '^Edge case' ORDER BY id LIMIT 1 OFFSET {})"
ACTS = (
    Act("a table", "CREATE TABLE leads (id integer PRIMARY KEY, email text); INSERT INTO leads VALUES (1, 'a@b.org');"
        " ALTER TABLE leads ENABLE ROW LEVEL SECURITY; REVOKE ALL ON leads FROM anon, authenticated"),
    Act("a column", "ALTER TABLE organizations ADD region text DEFAULT 'eu'"),
    Act("a column less", "ALTER TABLE organizations DROP contact_email"),
    Act("an index", "CREATE INDEX by_status ON organizations (status)"),
    Act("a policy mended", 'ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id ='
        " ((SELECT auth.jwt()) ->> 'organization_id')::uuid AND action_type <> 'secret')"),
    Act("a policy more", 'CREATE POLICY "Nobody leaves" ON organizations FOR DELETE TO authenticated USING (false)'),
    Act("a grant", "GRANT SELECT ON organizations TO organization_user"),
    Act("a grant by column", "GRANT UPDATE (name) ON organizations TO service_role WITH GRANT OPTION"),
    Act("a right less", "REVOKE UPDATE ON organizations FROM authenticated; REVOKE ALL ON credit_actions FROM anon"),
    Act("a function closed", "REVOKE EXECUTE ON FUNCTION consume_credits_rpc(uuid, text, integer) FROM authenticated"),
    Act("a comment", "COMMENT ON TABLE organizations IS 'those who pay';"
        " COMMENT ON COLUMN organizations.name IS 'theirs'"),
    Act("a view", "CREATE VIEW busy WITH (security_invoker = true) AS SELECT id, name FROM organizations"
        " WHERE status = 'active'; REVOKE ALL ON busy FROM anon, authenticated"),
    Act("a trigger", "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS"
        " 'BEGIN RETURN NEW; END'; REVOKE ALL ON FUNCTION look() FROM PUBLIC, anon, authenticated;"
        " CREATE TRIGGER look BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION look()"),
    Act("a check", "ALTER TABLE organizations ADD CONSTRAINT named CHECK (name <> '')"),
    Act("storage", "ALTER TABLE organizations SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)"),
    Act("defaults", "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM anon"),
    Act("a publication", "CREATE PUBLICATION cdc FOR TABLE organizations"),
    Act("a name", f"UPDATE organizations SET name = name || ' & Co' WHERE id = {ONE.format(3)}"),
    Act("a plan", f"UPDATE organizations SET plan_name = 'premium' WHERE id = {ONE.format(4)}"),
    Act("a top-up", "UPDATE organization_credits SET total_credits = total_credits + 100,"
        f" remaining_credits = remaining_credits + 100 WHERE organization_id = {ONE.format(5)}"),
    Act("a birth", "INSERT INTO organizations (id, name, plan_name, total_credits, created_at, updated_at) VALUES"
        " ('00000000-0000-0000-0000-00000000000b', 'Born', 'free', 100, '2026-01-01', '2026-01-01');"
        " INSERT INTO organization_credits VALUES ('00000000-0000-0000-0000-00000000000b', 100, 0, 100, '2026-01-01')"),
    Act("a death", f"DELETE FROM credit_actions WHERE organization_id = {ONE.format(6)};"
        f" DELETE FROM organizations WHERE id = {ONE.format(6)}"),
    Act("a pruning", "DELETE FROM credit_actions WHERE created_at < '2025-05-15'", since=1),
    Act("a call", f"SELECT consume_credits_rpc({ONE.format(8)}, 'ai_chat', 2),"
        f" consume_credits_rpc({ONE.format(9)}, 'sms_send', 1)"),
    Act("more calls", f"SELECT consume_credits_rpc({ONE.format(8)}, 'email_send', 1) FROM generate_series(1, 5)"),
    Act("a view on a pool", "CREATE VIEW pools WITH (security_invoker = true) AS"
        " SELECT id, ai_credits FROM organizations", since=2, blocks=True),
    Act("a function on ours", "CREATE FUNCTION worth(p text) RETURNS integer LANGUAGE sql RETURN"
        " public.plan_credits('ai', p, 1000)", since=2, blocks=True),
)  # fmt: skip


@dataclass
class History:
    """What happens beside a migration and its rollback.

    Attributes:
        last: number of the last task.
        done: what others did, in order.
    """

    dice: random.Random
    done: list[Act] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.last = self.dice.choice((2, 3, 4, 5, 5, 5))
        self._kills = self.dice.choice((0, 0, 1, 2))
        self._left = [act for act in ACTS if not act.blocks or self.dice.random() < 0.1]
        self.dice.shuffle(self._left)

    def between(self, database: Database, way: str, task: int) -> None:
        """Do what others do after a task, and after one is reversed."""
        for act in list(self._left):
            if way == "up" and task >= max(act.since, 1) and self.dice.random() < 0.12:
                self._left.remove(act)
                database.apply(act.sql)
                self.done.append(act)

    def watch(self, moment: Moment) -> None:
        """Kill the process of the notebook, or its sessions, now and then where it changes something."""
        if moment.task < 2 or "apply" not in moment.tags or not self._kills or self.dice.random() > 0.15:
            return
        self._kills -= 1
        if self.dice.random() < 0.5:
            raise Killed
        threading.Timer(self.dice.random() * 0.05, end_sessions, [moment.database]).start()


def end_sessions(database: Database) -> None:
    """End every session of the runbook on a database, as a lost connection does."""
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND application_name LIKE 'runbook%%'",
            [database.name],
        )
