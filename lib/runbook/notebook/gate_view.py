"""How a gate looks: the matrix of quality gates first, then everything the task must show, each with its verdict."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from runbook.evidence.gate_rows import GateRow
from runbook.query.table import FAIL, INFO, PASS, WARN, Markup

GREY = "#57606a"
NOT_RUN = '<td style="text-align:center;opacity:.75">·</td>'
WORDS = {
    "deliverable": ("delivered", "not delivered"),
    "criterion": ("met", "not met"),
    "trigger": ("not fired", "FIRED"),
    "gate": ("passed", "FAILED"),
    "box": ("done", "not done"),
    "completion": ("yes", "no"),
}
TITLES = {
    "box": "Preparation",
    "deliverable": "Deliverables",
    "criterion": "Success criteria",
    "trigger": "Rollback triggers",
    "completion": "Completion",
}
COLOURS = {True: PASS, False: FAIL, None: WARN}
SIGNS = {True: "✓", False: "✗", None: "?"}
Matrix = Sequence[tuple[str, Sequence[GateRow] | None]]  # a task's title, its row; None where it has not run


def show_gate(title: str, rows: Mapping[str, Sequence[GateRow]], matrix: Matrix, here: int, next_step: str) -> Markup:
    """Return the gate of a task.

    Args:
        title: the task's, with how long it took.
        rows: what was decided, by sort.
        matrix: the quality gates of every task of the plan.
        here: which row of the matrix is this task's.
        next_step: said under it all.
    """
    every = [row for sort in rows for row in rows[sort]]
    is_open = all(row.fine for row in every)
    colour, head = COLOURS[is_open], f"Gate {'open' if is_open else 'SHUT'}"
    parts = [_matrix_html(matrix, here), *(_gate_html(row) for row in rows["gate"])]
    parts += [_list_html(TITLES[sort], rows[sort]) for sort in TITLES if rows.get(sort)]
    html = (
        f'<div role="status" style="border:2px solid {colour};border-radius:6px;padding:8px 12px;max-width:62em">'
        f'<div style="font-size:115%;font-weight:600">{_pill(colour, head)} · {escape(title)}</div>'
        f"{''.join(parts)}<div>{escape(next_step)}</div></div>"
    )
    lines = [f"{head} · {title}", *_matrix_text(matrix, here)]
    lines += [_line(row) for sort in TITLES for row in rows.get(sort, ())]
    return Markup(html, "\n".join([*lines, next_step]))


def show_boxes(title: str, rows: Iterable[GateRow]) -> Markup:
    """Return conditions to be met, as far as they are by now."""
    rows = list(rows)
    body = "".join(f"<div>{_pill(_tint(row), _box(row))} {escape(row.words)}</div>" for row in rows)
    text = "\n".join([title, *(f"{_box(row)} {row.words}" for row in rows)])
    return Markup(
        f'<div style="border-left:6px solid {INFO};padding:4px 10px"><b>{escape(title)}</b>{body}</div>', text
    )


def _pill(colour: str, words: str) -> str:
    """Return words in white on a verdict's colour, which is too dark to be read as ink on a dark page."""
    return f'<span style="background:{colour};color:#fff;border-radius:4px;padding:0 4px">{escape(words)}</span>'


def _box(row: GateRow) -> str:
    return {True: "☑", False: "☒", None: "☐"}[row.fine]


def _tint(row: GateRow) -> str:
    return GREY if row.fine is None else COLOURS[row.fine]


def _word(row: GateRow) -> str:
    return "undecided" if row.fine is None else WORDS[row.sort][not row.fine]


def _verdict(row: GateRow) -> str:
    return _pill(COLOURS[row.fine], f"{SIGNS[row.fine]} {_word(row)}")


def _line(row: GateRow) -> str:
    said = f": {row.said}" if row.said else ""
    return f"{SIGNS[row.fine]} {_word(row):<13} {row.sort:<11} {row.words}{said}"


def _matrix_html(matrix: Matrix, here: int) -> str:
    count = _columns(matrix)
    if not count:
        return ""
    names = next([row.words for row in cells] for _, cells in matrix if cells)
    head = "".join(
        f'<th scope="col" style="text-align:center;padding:.4em .2em">{escape(name.split()[0])}</th>' for name in names
    )
    body = ""
    for place, (title, cells) in enumerate(matrix):
        frame = f";outline:2px solid {INFO}" if place == here else ""
        shown = "".join(map(_cell_html, cells)) if cells else NOT_RUN * count
        name = f'<th scope="row" style="text-align:left">{escape(title)}</th>'
        body += f'<tr style="background:none{frame}">{name}{shown}</tr>'
    style = "border-collapse:separate;border-spacing:3px"
    return f'<table style="{style}"><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell_html(cell: GateRow) -> str:
    alt = f"{cell.words}: {_word(cell)}, {len(cell.checks)} checks"
    return (
        f'<td title="{escape(alt)}" style="background:{COLOURS[cell.fine]};color:#fff;text-align:center;'
        f'border-radius:4px;font-weight:600;padding:.4em .2em;min-width:4em">{SIGNS[cell.fine]} {len(cell.checks)}</td>'
    )


def _gate_html(row: GateRow) -> str:
    """Return a quality gate that unfolds to the checks behind it; what is not green stands open."""
    opened = "" if row.fine else " open"
    checks = (
        "".join(
            f'<div style="margin-left:1.6em">{_pill(COLOURS[check.passed], SIGNS[check.passed])} '
            f"{escape(check.name)}: {escape(check.actual)}</div>"
            for check in row.checks
        )
        or '<div style="margin-left:1.6em">no check has decided it</div>'
    )
    return (
        f'<details{opened} style="margin:3px 0"><summary>{_verdict(row)} '
        f"<b>{escape(row.words)}</b>: {escape(row.said)}</summary>{checks}</details>"
    )


def _list_html(title: str, rows: Sequence[GateRow]) -> str:
    body = "".join(
        f'<tr style="background:none"><td style="text-align:left;white-space:nowrap;min-width:8em">{_verdict(row)}</td>'
        f'<td style="text-align:left">{escape(row.words)}</td><td style="text-align:left">{escape(row.said)}</td></tr>'
        for row in rows
    )
    return f'<table><caption style="text-align:left;font-weight:600">{title}</caption><tbody>{body}</tbody></table>'


def _columns(matrix: Matrix) -> int:
    return max((len(cells) for _, cells in matrix if cells), default=0)


def _matrix_text(matrix: Matrix, here: int) -> list[str]:
    count = _columns(matrix)
    if not count:
        return []
    names = next([row.key for row in cells] for _, cells in matrix if cells)
    width = max(len(title) for title, _ in matrix) + 2
    lines = [" " * (width + 2) + "".join(f"{name:<13}" for name in names)]
    for place, (title, cells) in enumerate(matrix):
        shown = [f"{SIGNS[cell.fine]} {len(cell.checks)}" for cell in cells] if cells else ["·"] * count
        mark = "▸" if place == here else " "
        lines.append(f"{mark} {title:<{width}}" + "".join(f"{one:<13}" for one in shown))
    return [line.rstrip() for line in lines]
