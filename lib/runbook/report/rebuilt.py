"""Pages made again from a run's folder alone, and compared with those that were sealed."""

from pathlib import Path

from runbook.errors import UsageError
from runbook.evidence import seal
from runbook.formatting import escaped
from runbook.report import notebook_html, report


def require_sealed(folder: Path) -> None:
    """Make sure that what the pages of a run are made of is what was sealed, where it has a seal of today's kind.

    Raises:
        UsageError: it is not; the message says what differs first.
    """
    if not seal.is_sealed(folder):
        return
    for problem in seal.problems(folder):
        if not problem.partition(" ")[0].endswith(".html"):  # that of a page is told by making it again
            raise UsageError(
                f"{folder} is not what was sealed ({escaped(problem)}): no page is made of it. "
                "`runbook verify` says all that differs."
            )


def hold(folder: Path) -> tuple[Path, list[str]]:
    """Return the report of a run, and the names of the pages that differ when they are made again.

    The pages are the same to the byte as long as the folder and the package are. Nothing is written.

    Raises:
        UsageError: the folder holds no manifest, or a broken one, or is not what was sealed.
    """
    require_sealed(folder)
    made = {path.with_suffix(".html"): notebook_html.html(path) for path in sorted(folder.glob("*.ipynb"))}
    made[folder / report.REPORT] = report.render(folder)
    differing = [page.name for page, text in made.items() if not page.is_file() or page.read_bytes() != text.encode()]
    return folder / report.REPORT, differing
