"""The toy runbook: its notebook, and a second task for it."""

from pathlib import Path

from runbook import openssh

TOY = Path(__file__).parents[1] / "toy"
NAME = "07_label_the_shelves.ipynb"
SECOND = """
[[tasks]]
number = 8
name = "Label them again"
notebook = "notebooks/08_again.ipynb"
rollback = "sql/rollback/07_label_the_shelves.sql"
minutes = 1
risk = "low"
needs = [7]
steps = [{ number = "7.1", name = "Add the label", minutes = 1 }]
criteria = ["Every shelf has a label"]
triggers = ["A shelf without a label"]

[environments.local]"""


def add_second_task(root: Path) -> None:
    """Give the plan of a copy another task, which needs the first."""
    plan = root / "runbook.toml"
    plan.write_text(plan.read_text().replace("\n[environments.local]", SECOND, 1))
    text = (root / "notebooks" / NAME).read_text()
    (root / "notebooks" / "08_again.ipynb").write_text(text.replace("runbook.begin(7)", "runbook.begin(8)"))


def list_approver(root: Path, key: Path) -> None:
    """Let the key's owner approve the toy on its protected environment."""
    plan, entry = root / "runbook.toml", "[environments.elsewhere]\n"
    plan.write_text(plan.read_text().replace(entry, f'{entry}approver_keys = ["{openssh.fingerprint(str(key))}"]\n'))
