"""What MkDocs adds to the pages: the executed notebooks as HTML, and the SQL that documents link to."""

import re
import shutil
import tempfile
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from runbook.report import notebook_html

ROOT = Path(__file__).parents[1]
OUTSIDE = re.compile(r"\]\((?:\.\./)+(notebooks|sql|bench)/([^)#]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the executed notebooks and the rollback scripts."""
    with tempfile.TemporaryDirectory() as folder:
        for notebook in sorted((ROOT / "outputs" / "expected").glob("*.ipynb")):
            page = notebook_html.render(Path(shutil.copy(notebook, folder)))
            files.append(File.generated(config, f"notebooks/{page.name}", content=page.read_text(encoding="utf-8")))
    for script in sorted((ROOT / "sql" / "rollback").glob("*.sql")):
        files.append(File.generated(config, f"sql/rollback/{script.name}", content=script.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: object, config: MkDocsConfig, files: Files) -> str:
    """Lead links that leave `docs` to what the site holds of them."""
    return OUTSIDE.sub(lambda link: f"]({link[1]}/{link[2].replace('.ipynb', '.html')})", markdown)
