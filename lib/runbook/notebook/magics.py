"""The cell magics: `%%sql`, `%%check`, `%%concurrently` and `%%backfill`.

`%%sql` keeps ipython-sql's name and display and replaces its transport: the cell is sent as it stands on one
autocommit connection, every error raises, and nothing a cell leaves open survives it.
"""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from IPython.core.magic import Magics, cell_magic, magics_class, no_var_expand
from IPython.display import display

from runbook.errors import StepFailed, UsageError
from runbook.notebook import rollback_end
from runbook.notebook.backfill import backfill, batches
from runbook.notebook.task import TaskSession
from runbook.plan.cells import AS_DUE, CHECK_HEAD, DECIDED, backfilled
from runbook.query import lock_retry, older_transactions, send
from runbook.query.expectation import Refused
from runbook.query.table import Table

# The options of `%%sql`, and which of them take a word.
SQL_OPTIONS = {
    "--as": True, "--probe": False, "--timing": False, "--retry": False, "--after-others": False, "--note": True,
    "--drop-made": False,
}  # fmt: skip


@magics_class
class RunbookMagics(Magics):
    """The magics of one task."""

    def __init__(self, shell: Any, task: TaskSession) -> None:
        super().__init__(shell)
        self.task = task

    @no_var_expand
    @cell_magic
    def sql(self, line: str, cell: str) -> Table | None:
        r"""Send the cell as it stands; show what each statement returned, return the last table.

        `%%sql`                     multi-statement text is one transaction, as in one call of psql -c
        `%%sql name <<`             also keep the last table in `name`
        `%%sql --probe`             rolled back afterwards
        `%%sql --as "tenant A"`     as that persona, rolled back afterwards
        `%%sql --timing`            say how long it took, as psql's \timing
        `%%sql --retry`             try again, with growing pauses, while a lock cannot be had
        `%%sql --after-others`      first wait for every transaction that is open now; see `older_transactions`
        `%%sql --note NAME`         remember the last table in the ledger under a name
        `%%sql --drop-made`         in a rollback: then, in the same transaction, drop what the task made
        """
        name, options = _options(line, SQL_OPTIONS)
        with self._told_together():
            answer = self._send(options, cell)
        for notice in answer.notices:
            print(notice)
        tags = [tag for tag in answer.tags if not re.match(r"SELECT|SHOW|EXPLAIN|SET$", tag)]
        if tags:
            print("\n".join(tags))
        if "--timing" in options:
            print(f"Time: {answer.milliseconds:.3f} ms")
        for table in answer.tables[:-1]:
            display(table)
        last = answer.tables[-1] if answer.tables else None
        if name:
            self.task.names[name] = last
        if "--note" in options and last is not None:
            self.task.note(str(options["--note"]), last)
        if answer.footers:  # as psql does: below the table
            if last is not None:
                display(last)
            print("\n".join(answer.footers))
            return None
        return last

    @no_var_expand
    @cell_magic
    def check(self, line: str, cell: str) -> Table | None:
        """Run the cell, rolled back, and compare its last result with the expectation.

        `%%check NAME: EXPECTATION`, then header lines, then SQL:

            %%check every organization has its allocation: no rows
            -- criterion: All organization data migrated successfully
            -- trigger: Data migration errors or inconsistencies
            -- as: tenant A
            -- else: stop
            SELECT …

        If it fails, a task that changes something stops. A task that only reads goes on, unless a header line says
        `-- else: stop`. What the first row says in a column `what_to_do` becomes part of the message.
        """
        name, separator, expected = line.rpartition(": ")
        if not separator:
            raise UsageError("Write `%%check NAME: EXPECTATION`, such as `%%check nobody is left out: no rows`.")
        heads = dict(CHECK_HEAD.findall(cell))
        found = self.task.attempt(heads.get("as"), cell)
        decides = {sort: words for sort, words in heads.items() if sort in DECIDED}
        self.task.check(name.strip(), found, expected.strip(), ends=heads.get("else") == "stop", **decides)
        if isinstance(found, Refused) or not found or found.field_names == ["command"]:
            return None
        return found

    @no_var_expand
    @cell_magic
    def finding(self, line: str, cell: str) -> Table | None:
        """Run the cell, rolled back, and remember its rows as a finding about the target.

        `%%finding CLASS: NAME`, such as `%%finding noted: tables that stand open to tenants`. It decides nothing; later
        tasks find the rows in `runbook.as_found`, as they were before anything was changed.
        """
        kind, separator, name = line.partition(": ")
        if not separator:
            raise UsageError("Write `%%finding CLASS: NAME`, such as `%%finding noted: slow policies`.")
        found = self.task.attempt(dict(CHECK_HEAD.findall(cell)).get("as"), cell)
        if isinstance(found, Refused):
            with self._told_together():
                raise StepFailed(f"SQL error {found.sqlstate}: {found.message}", found.sqlstate)
        self.task.finding(kind.strip(), name.strip(), found)
        return found or None

    @no_var_expand
    @cell_magic
    def concurrently(self, line: str, cell: str) -> Table | None:
        """Build and drop the indexes of the cell, each outside a transaction; see `Task.concurrently`.

        `%%concurrently --until N`  only until Task N is complete: from then on what it decided stands
        """
        judge = _options(line, {"--until": True})[1].get("--until")
        if judge is not None and self.task.ledger.is_complete(self.task.plan.task(_number(str(judge))).number):
            print(f"Task {judge} is complete: what it decided about these indexes stands.")
            return None
        return self.task.concurrently(cell)

    @no_var_expand
    @cell_magic
    def backfill(self, line: str, cell: str) -> Table | None:
        """Run the cell's statement over a table in batches, a transaction each.

        `%%backfill TABLE`          a batch that does not leave what is due is an error
        `%%backfill TABLE: NAME`    it fails the check NAME, whose header lines are those of `%%check`
        """
        table, name = backfilled(line)
        found, verdict = None, "as due"
        try:
            found = backfill.run_backfill(self.task, table, cell)
        except psycopg.Error as error:
            raise send.step_failure(error, cell) from None
        except batches.NotAsDue as error:
            if not name:
                raise
            verdict = str(error)
        if name:
            heads = dict(CHECK_HEAD.findall(cell))
            decides = {sort: words for sort, words in heads.items() if sort in DECIDED}
            self.task.check(name, verdict, AS_DUE, **decides)
        return found

    @contextmanager
    def _told_together(self) -> Iterator[None]:
        """Tell an error together with the checks that failed before it, which are likely its cause."""
        try:
            yield
        except StepFailed as error:
            self.task.break_off(str(error))
            raise

    def _send(self, options: dict[str, str | bool], cell: str) -> send.SqlAnswer:
        if "--after-others" in options:
            longest = self.task.parameters.get("longest_wait_s", older_transactions.USUAL)
            older_transactions.wait(self.task.connection, longest)
        if "--as" in options or "--probe" in options:
            return self._probe(str(options["--as"]) if "--as" in options else None, cell)
        if "--drop-made" in options:
            return self._drop_made(cell)
        if "--retry" in options:
            return lock_retry.retry_while_locked(self.task.connection, lambda: self.task.apply(cell))
        return self.task.apply(cell)

    def _drop_made(self, cell: str) -> send.SqlAnswer:
        if not self.task.undo:
            raise UsageError("`%%sql --drop-made` is for the rollback: `runbook.begin(N, undo=True)`.")
        return rollback_end.drop_made(self.task, cell)

    def _probe(self, name: str | None, cell: str) -> send.SqlAnswer:
        try:
            return self.task.probe(name, cell)
        except psycopg.Error as error:
            raise send.step_failure(error, cell) from None


def register(shell: Any, task: TaskSession) -> None:
    """Register the magics with IPython, over ipython-sql's own where that is loaded."""
    shell.register_magics(RunbookMagics(shell, task))


def _number(word: str) -> int:
    if not word.isdecimal():
        raise UsageError(f"`--until` takes the number of a task, not {word!r}.")
    return int(word)


def _options(line: str, known: dict[str, bool]) -> tuple[str, dict[str, str | bool]]:
    """Split a magic's line into a result name (`name <<`) and its options.

    Raises:
        UsageError: the line holds something else.
    """
    words = shlex.split(line)
    name = ""
    if len(words) > 1 and words[1] == "<<":
        name, words = words[0], words[2:]
    found: dict[str, str | bool] = {}
    while words:
        word = words.pop(0)
        if word not in known or (known[word] and not words):
            raise UsageError(f"{word!r} is not understood here; known are: {', '.join(known) or 'no options'}.")
        found[word] = words.pop(0) if known[word] else True
    return name, found
