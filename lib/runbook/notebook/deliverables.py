"""Deliverables: what a task hands over, each a document with its digest, or what its checks have verified."""

import hashlib
from pathlib import Path

from runbook.evidence.gate_rows import DELIVERED
from runbook.notebook.context import Context
from runbook.notebook.gate import record_check
from runbook.plan import cells
from runbook.plan.decisions import Decides
from runbook.query.table import Table

Document = Path | Table | str | None


def deliver(task: Context, name: str, said: str, document: Document, gate: str | None) -> None:
    """Deliver what the plan promises, with its figure, and the document where it is one.

    Args:
        task: that delivers.
        name: of the deliverable, in the plan's words.
        said: its figure, such as `5,000 rows migrated`; the announcement of completion says it.
        document: what is delivered: a file of the checkout, a table or Markdown. It is kept beside the run, with its
            digest. None: what the checks verified that name the deliverable.
        gate: the kind of the quality gate it belongs to; None: the plan's first.

    Raises:
        GateShut: nothing was delivered: the document is empty or missing, or no check has verified it.
    """
    number = task.definition.number
    others = [one for one in task.ledger.checks(task.run_id, number) if one.deliverable == name]
    others = [one for one in others if one.name != cells.DELIVERED.format(name)]
    text = _text(document)
    about = {"said": said}
    if text is not None:
        about |= {"file": _file_name(name, document), "sha256": hashlib.sha256(text.encode()).hexdigest(), "text": text}
    task.write(f"{DELIVERED}{name}", about)
    is_there = bool(said.strip()) and (bool(text.strip()) if text is not None else bool(others))
    record_check(task, cells.DELIVERED.format(name), is_there, "true", Decides(deliverable=name, gate=gate))


def _text(document: Document) -> str | None:
    """Return a document as text; an empty text where it is not there."""
    if isinstance(document, Path):
        return document.read_text(encoding="utf-8") if document.is_file() else ""
    return document.markdown() if isinstance(document, Table) else document


def _file_name(name: str, document: Document) -> str:
    if isinstance(document, Path):
        return document.name
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return f"{'_'.join(words)}.md"
