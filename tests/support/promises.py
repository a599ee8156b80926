"""The toy with everything a plan can promise: deliverables, two quality gates, a condition of preparation."""

import json
from pathlib import Path

NOTEBOOK = Path("notebooks", "07_label_the_shelves.ipynb")
PLAN = (
    (
        'meaning = "Every shelf is as the librarian wants it" }]',
        'meaning = "Every shelf is right" }, { kind = "books", name = "Book Check", meaning = "No book is touched" }]\n'
        'preparation = ["Ladder at hand"]',
    ),
    ("completion = [\n", 'completion = [\n    { box = "Everything handed over", means = "deliverables" },\n'),
)
LADDER = (
    "%%check the shelves can be reached: some rows\n-- gate: books\n-- box: Ladder at hand\nSELECT room FROM shelves"
)
DELIVERY = 'task.deliver("Labelled shelves", f"{len(rooms)} rooms", rooms, gate="shelves")'


def promise_more(root: Path) -> Path:
    """Let the copy of the toy in a folder promise and decide more, and return the folder."""
    plan = root / "runbook.toml"
    text = plan.read_text(encoding="utf-8")
    for old, new in PLAN:
        assert old in text
        text = text.replace(old, new)
    plan.write_text(text, encoding="utf-8")
    notebook = json.loads((root / NOTEBOOK).read_text(encoding="utf-8"))
    cells = notebook["cells"]
    decided = "-- criterion: Every shelf has a label\n"
    for cell in cells:
        cell["source"] = "".join(cell["source"]).replace(decided, f"{decided}-- deliverable: Labelled shelves\n")
    cells.insert(3, _code("ladder", LADDER))
    cells.insert(len(cells) - 2, _code("delivery", DELIVERY))
    (root / NOTEBOOK).write_text(json.dumps(notebook), encoding="utf-8")
    return root


def _code(name: str, source: str) -> dict[str, object]:
    about = {"cell_type": "code", "id": name, "metadata": {"tags": ["verify"]}}
    return {**about, "execution_count": None, "outputs": [], "source": source}
