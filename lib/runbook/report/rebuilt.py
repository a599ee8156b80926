"""Pages made again from a run's folder alone, and compared with those that were sealed."""

from pathlib import Path

from runbook.errors import UsageError
from runbook.evidence import seal
from runbook.formatting import escaped
from runbook.report import notebook_html, report


def require_sealed(folder: Path) -> list[str]:
    """Make sure that what the pages of a run are made of is what was sealed, where it has a seal of today's kind.

    Returns:
        The pages that are not.

    Raises:
        UsageError: it is not; the message says what differs first.
    """
    pages = []
    for problem in seal.problems(folder) if seal.is_sealed(folder) else ():
        name = problem.partition(" ")[0]
        if not name.endswith(".html"):
            raise UsageError(
                f"{folder} is not what was sealed ({escaped(problem)}): no page is made of it. "
                "`runbook verify` says all that differs."
            )
        pages.append(name)
    return pages


def hold(folder: Path, *, notebooks: bool = False) -> tuple[Path, list[str]]:
    """Return the report of a run, and the names of the pages that differ: from what was sealed, or when made again.

    The pages are the same to the byte as long as the folder and the package are. Nothing is written.

    Args:
        folder: of the run.
        notebooks: make the pages of sealed notebooks again, too.

    Raises:
        UsageError: the folder holds no manifest, or a broken one, or is not what was sealed.
    """
    differing = set(require_sealed(folder))
    again = sorted(folder.glob("*.ipynb")) if notebooks or not seal.is_sealed(folder) else []
    made = {path.with_suffix(".html"): notebook_html.html(path) for path in again}
    made[folder / report.REPORT] = report.render(folder)
    differing |= {page.name for page, text in made.items() if not page.is_file() or page.read_bytes() != text.encode()}
    return folder / report.REPORT, sorted(differing)
