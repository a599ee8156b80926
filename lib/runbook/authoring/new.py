"""`runbook new`: lay out another migration as a folder that runs, can be rolled back and has tests from the start."""

import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import nbformat

from runbook.authoring import template
from runbook.authoring.step import NewStep, slug
from runbook.errors import UsageError

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40
# What stands for something else: the package itself, databases and roles of the server
RESERVED = {"runbook", "postgres", "template0", "template1", "pytest"}
FIRST_TASK, FIRST_STEP = "Label the shelves", ("Add the label", "shelves", "label")
FILES = {  # where it goes → its template
    "runbook.toml": "runbook.toml",
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "environment.yml": "environment.yml",
    ".gitignore": "gitignore",
    ".github/workflows/runbook.yml": "ci.yml",
    "sql/baseline/roles.sql": "roles.sql",
    "sql/baseline/schema.sql": "schema.sql",
    "sql/faults/00_name_is_taken.py": "00_name_is_taken.py",
    "sql/faults/00_rollback_changes_the_schema.py": "00_rollback_changes_the_schema.py",
    "sql/faults/00_approved_by_nobody.py": "00_approved_by_nobody.py",
    "tests/test_runbook.py": "test_runbook.py",
    "outputs/expected/sanitize.cfg": "sanitize.cfg",
}
NOTHING = "Nothing stood before that this task changes; what it made is on record, and is dropped after this."


@dataclass(frozen=True)
class NewTask:
    """A task as an author begins with it.

    Attributes:
        number: its number in the plan.
        name: its title.
        step: its only step.
    """

    number: int
    name: str
    step: NewStep

    @property
    def file(self) -> str:
        """Name of its notebook and of its rollback script, without what stands behind the dot."""
        return f"{self.number:02}_{slug(self.name) or 'task'}"


def lay_out(parent: Path, name: str, tasks: tuple[str, ...] = ()) -> Path:
    """Make a folder `name` in `parent` that holds a runbook, and return it.

    Args:
        parent: an existing folder.
        name: of the runbook, its folder, and the demonstration's database.
        tasks: names of the tasks after the first, which prepares; none: one that shows what a task looks like.

    Raises:
        UsageError: a name cannot be used, or something of that name stands there already; nothing was made.
    """
    root = parent / _usable(name)
    if twice := next((one for one in tasks if tasks.count(one) > 1), None):
        raise UsageError(f"Two tasks cannot both be called {twice!r}.")
    made = [_task(place, one) for place, one in enumerate(tasks or (FIRST_TASK,), 1)]
    words = {"name": name, "slug": name.replace("-", "_"), "title": name.replace("-", " ").capitalize()}
    texts = {
        path: template.render(file, tasks=made, version=version("runbook"), **words) for path, file in FILES.items()
    }
    texts |= _notebook("00_prepare", template.render("prepare.txt"), "Nothing to give back: this task only reads.")
    for task in made:
        text = template.render("task.txt", task=task, step=task.step.cells())
        texts |= _notebook(task.file, text, NOTHING) | {f"sql/faults/{task.step.file}.sql": task.step.fault()}
    try:
        root.mkdir()
    except FileExistsError:
        raise UsageError(f"{root} is there already: give the runbook another name, or make it elsewhere.") from None
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def _usable(name: str) -> str:
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"{name!r} is no name for a runbook: use small letters, digits and single hyphens, a letter first, at most "
            f"{LONGEST} characters, such as `split-names`. It becomes a folder here."
        )
    if name in RESERVED:
        raise UsageError(f"{name!r} is taken by something else: give the runbook another name.")
    return name


def _task(number: int, name: str) -> NewTask:
    if name == FIRST_TASK:
        return NewTask(number, name, NewStep.named(f"{number}.1", *FIRST_STEP))
    return NewTask(number, name, NewStep.named(f"{number}.1", name))


def _notebook(file: str, text: str, note: str) -> dict[str, str]:
    """Return a task's notebook and its rollback script."""
    return {
        f"notebooks/{file}.ipynb": nbformat.writes(template.notebook_of(text)) + "\n",
        f"sql/rollback/{file}.sql": template.render("rollback.sql", note=note),
    }
