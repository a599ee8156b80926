"""Pages made again from a run's folder alone, and held against those that were sealed."""

from pathlib import Path

from runbook.report import notebook_html, report


def hold(folder: Path) -> tuple[Path, list[str]]:
    """Return the report of a run, and the names of the pages that would be others if they were made again.

    The pages are the same to the byte as long as the folder and the package are. Nothing is written.

    Raises:
        UsageError: the folder holds no manifest, or a broken one.
    """
    made = {path.with_suffix(".html"): notebook_html.html(path) for path in sorted(folder.glob("*.ipynb"))}
    made[folder / report.REPORT] = report.render(folder)
    differing = [page.name for page, text in made.items() if not page.is_file() or page.read_bytes() != text.encode()]
    return folder / report.REPORT, differing
