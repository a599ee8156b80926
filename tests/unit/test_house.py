"""The house: its floors, its sizes, its names, and the files that build it."""

import ast
import json
import re
import statistics
import subprocess
import sys
import tomllib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import runbook
from runbook.notebook import magics
from runbook.plan import cells

ROOT = Path(__file__).parents[2]
LIB = ROOT / "lib" / "runbook"
MODULES = sorted(LIB.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXAMPLES = sorted((ROOT / "examples").glob("*/notebooks/*.ipynb"))
GROUND, ROOF = 0, 8
WIDTH = 100  # of a notebook's page
LEVELS = {
    "plan": 1, "database": 2, "query": 2, "changes": 3, "policy": 4, "evidence": 4, "notebook": 5, "report": 5,
    "kernels": 5, "batch": 6, "faults": 6, "fleet": 6, "airflow": 6, "authoring": 6, "cli": 7,
}  # fmt: skip
DOORS = {"__init__.py", "__main__.py"}
FORBIDDEN = {
    "": {"IPython", "matplotlib", "papermill", "nbval", "nbconvert", "psycopg"},
    "plan": {"IPython", "matplotlib", "papermill", "nbval", "nbconvert", "psycopg"},
    "database": {"IPython", "matplotlib", "papermill", "nbval", "nbconvert", "nbformat"},
    "changes": {"IPython", "matplotlib", "papermill", "nbval", "nbconvert", "nbformat"},
    "query": {"papermill", "nbval", "nbconvert", "nbformat"},
    "notebook": {"papermill", "nbval", "nbconvert", "nbformat"},
}
GENERIC = {
    "id", "name", "status", "description", "created_at", "updated_at", "user_id", "user_agent", "ip_address",
}  # fmt: skip


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def package(path: Path) -> str:
    parts = path.relative_to(LIB).parts
    return parts[0] if len(parts) > 1 else ""


def level(path: Path) -> int:
    return ROOF if path.name in DOORS and package(path) == "" else LEVELS.get(package(path), GROUND)


def imports(path: Path) -> set[str]:
    """Every module a file imports, wherever the import stands; `from a import b` counts as `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def level_of_import(name: str) -> int:
    part = name.split(".")[1]
    return ROOF if part in runbook.__all__ else LEVELS.get(part, GROUND)


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its documentation."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    return lines - len((ast.get_docstring(function, clean=False) or "").splitlines())


def brief_names() -> set[str]:
    """The tables, columns and functions of the brief, as the baseline and the migration spell them."""
    schema = (ROOT / "sql" / "baseline" / "schema.sql").read_text(encoding="utf-8")
    migration = "\n".join(
        cell.source for cell in cells.read_cells(next(p for p in NOTEBOOKS if p.name.startswith("02")))
    )
    tables = re.findall(r"CREATE (?:TABLE|FUNCTION) (?:\w+\.)?(\w+)", schema)
    columns = [
        column
        for body in re.findall(r"^CREATE TABLE \w+ \((.*?)^\);", schema, re.DOTALL | re.MULTILINE)
        for column in re.findall(r"^ {4}([a-z]\w*)", body, re.MULTILINE)
    ]
    added = re.findall(r"ADD COLUMN IF NOT EXISTS (\w+)|CREATE (?:OR REPLACE )?FUNCTION (?:\w+\.)?(\w+)", migration)
    return ({*tables, *columns} | {name for pair in added for name in pair if name}) - GENERIC


def requirements(lines: list[str]) -> dict[str, Requirement]:
    found = [Requirement(line) for line in lines]
    return {one.name.lower().replace("_", "-"): one for one in found}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_imports_run_downwards_only(path):
    others = [name for name in imports(path) if name.startswith("runbook.") and name.split(".")[1] != package(path)]
    assert not [name for name in others if level_of_import(name) >= max(level(path), 1)]


def test_no_imports_run_in_a_circle():
    modules = {".".join(path.relative_to(LIB.parent).with_suffix("").parts): path for path in MODULES}
    uses = {
        name: {known for found in imports(path) for known in (found, found.rpartition(".")[0]) if known in modules}
        for name, path in modules.items()
    }

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = list(uses[start])
        while ahead:
            if (one := ahead.pop()) not in seen:
                seen.add(one)
                ahead += uses[one]
        return seen

    assert not [name for name in sorted(modules) if name in reached(name)]


def test_no_package_is_the_whole_house():
    lines = Counter()
    for path in MODULES:
        lines[package(path)] += len(path.read_text(encoding="utf-8").splitlines())
    shares = {name: count / lines.total() for name, count in lines.items()}
    assert not {name: share for name, share in shares.items() if share > 0.18}


def test_the_map_of_the_house_has_every_package_at_its_level():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = {name: int(level) for level, name in re.findall(r"^\| (\d) \| `(\w+)/`", text, re.MULTILINE)}
    assert drawn == LEVELS


def test_every_way_contributing_shows_leads_somewhere():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    ways = re.findall(r"^\| .+$", text.partition("## I want to change")[2].partition("## Rules")[0], re.MULTILINE)[2:]
    assert len(ways) >= 20
    named = [[path for path in re.findall(r"`([\w./-]+)`", way) if "/" in path or "." in path] for way in ways]
    assert not [way for way, paths in zip(ways, named, strict=True) if not paths and "__all__" not in way]
    assert not [path for paths in named for path in paths if not (ROOT / path).exists()]


def test_every_package_that_is_needed_has_a_reason(project):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## What the package needs")[2]
    rows = re.findall(r"^\| ([a-z][\w, -]+) \| (.+) \| ([\d, -]+) \|$", text, re.MULTILINE)
    assert {name for names, _, _ in rows for name in names.split(", ")} == set(requirements(project["dependencies"]))


def test_the_glossary_is_short_and_no_word_of_it_stands_twice():
    text = (ROOT / "docs" / "GLOSSARY.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| ([\w, ]+) \| .+\. \|$", text, re.MULTILINE)
    assert 20 <= len(words) == len(set(words)) <= 30
    assert text.count("\n| ") == len(words) + 2  # its head and its rule


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_a_package_does_not_know_what_is_none_of_its_business(path):
    known = {name.split(".")[0] for name in imports(path)}
    assert not known & FORBIDDEN.get(package(path), set())


def test_no_name_of_the_brief_stands_in_the_library():
    names = brief_names()
    assert {"organizations", "ai_credits", "credit_actions", "remaining_credits", "consume_credits_rpc"} <= names
    pattern = re.compile(rf"\b({'|'.join(sorted(names))})\b")
    files = [path for path in LIB.rglob("*") if path.suffix in {".py", ".j2", ".css"}]
    found = {f"{label(path)}: {hit}" for path in files for hit in pattern.findall(path.read_text(encoding="utf-8"))}
    assert not found


def test_no_name_of_an_example_stands_in_the_library():
    names = {"first_name", "last_name", "keep_names_in_step", "logins", "users_first_name_given"}
    pattern = re.compile(rf"\b({'|'.join(sorted(names))})\b")
    assert names <= {hit for path in EXAMPLES for hit in pattern.findall(path.read_text("utf-8"))}
    files = [path for path in LIB.rglob("*") if path.suffix in {".py", ".j2", ".sql"}]
    assert not {f"{label(path)}: {hit}" for path in files for hit in pattern.findall(path.read_text("utf-8"))}


def test_no_test_imports_from_another():
    pattern = re.compile(r"^\s*(?:from|import) (?:tests\.[\w.]*)?\btest_\w+", re.MULTILINE)
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    assert not {label(path): hit for path in files for hit in pattern.findall(path.read_text(encoding="utf-8"))}


def test_no_module_is_a_drawer_for_odds_and_ends():
    assert not {path.stem for path in MODULES} & {"utils", "util", "helpers", "helper", "common", "misc"}


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_a_module_says_what_it_is_for_and_stays_small(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert len(text.splitlines()) <= 250
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert not {node.name: length(node) for node in functions if length(node) > 40}


@pytest.mark.parametrize("path", [*NOTEBOOKS, *(ROOT / "tests").rglob("*.ipynb"), *EXAMPLES], ids=label)
def test_a_notebook_imports_what_is_public_and_nothing_else(path):
    code = "\n".join(one.source for one in cells.read_cells(path) if one.kind == "code" and not one.magic)
    named = re.findall(r"^from (runbook[\w.]*) import (.+)$|^import (runbook[\w.]+)$", code, re.MULTILINE)
    assert {module for module, _, _ in named} <= {"runbook"}
    assert not [whole for _, _, whole in named if whole]
    assert {name for _, names, _ in named for name in names.split(", ")} <= set(runbook.__all__)
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)]
    assert {node.attr for node in nodes if ast.unparse(node.value) == "runbook"} <= set(runbook.__all__)


def test_everything_public_is_there_and_said_what_it_is():
    assert sorted(runbook.__all__) == runbook.__all__
    for name in runbook.__all__:
        assert re.search(rf"\b{name}\b", runbook.__doc__)
        assert getattr(runbook, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'beginn'"):
        runbook.beginn  # noqa: B018 - asked for what is not there


def test_the_command_line_pays_for_no_notebook():
    asked = (
        "import sys, runbook.cli; sys.exit(bool({'pandas', 'IPython', 'matplotlib', 'papermill'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_a_notebook_pays_for_charts_where_it_draws_one():
    asked = "import sys; from runbook import charts; sys.exit('matplotlib' in sys.modules or not charts.GREY)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_every_magic_is_known_where_cells_are_read_run_and_coloured():
    known = set(cells.MAGICS)
    assert set(magics.RunbookMagics.magics["cell"]) == known
    script = (LIB / "lab" / "runbook-lab" / "static" / "remoteEntry.js").read_text(encoding="utf-8")
    assert set(re.search(r"const MAGIC = /\^\\s\*%%\(([\w|]+)\)", script)[1].split("|")) == known


def definitions(kind: type | tuple[type, ...]) -> dict[str, list[str]]:
    """Names the modules define, each with the packages that do; the command line's verbs are named by their users."""
    found: dict[str, list[str]] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, kind) and package(path) != "cli":
                found.setdefault(node.name, []).append(package(path))
    return found


def test_a_name_that_says_nothing_alone_is_no_functions():
    """A method of such a name is read with its class; still only one package may have it."""
    names = {"of", "run", "read"}
    assert not names & definitions((ast.FunctionDef, ast.AsyncFunctionDef)).keys()
    methods: dict[str, set[str]] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                for one in node.body:
                    if isinstance(one, ast.FunctionDef) and one.name in names:
                        methods.setdefault(one.name, set()).add(package(path))
    assert not {name: where for name, where in methods.items() if len(where) > 1}


def test_a_class_has_a_name_of_its_own():
    assert not {name: where for name, where in definitions(ast.ClassDef).items() if len(where) > 1}


def test_what_raises_is_not_called_must():
    assert not [path for path in MODULES if re.search(r"def _?must_", path.read_text(encoding="utf-8"))]


def test_nothing_is_imported_under_another_name():
    pattern = re.compile(r"^\s*from runbook[\w.]* import .*\bas\b.*$", re.MULTILINE)
    files = [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    assert not {label(path): hit for path in files for hit in pattern.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("path", [*NOTEBOOKS, *EXAMPLES], ids=label)
def test_a_notebook_is_committed_without_outputs(path):
    code = [one for one in json.loads(path.read_text(encoding="utf-8"))["cells"] if one["cell_type"] == "code"]
    assert code
    assert not [one["source"] for one in code if one["outputs"] or one["execution_count"] is not None]


@pytest.mark.parametrize("path", [*NOTEBOOKS, *EXAMPLES], ids=label)
def test_a_notebooks_cells_are_short_and_hold_no_logic(path):
    cell = [one for one in cells.read_cells(path) if one.kind == "code" and not one.magic]
    code = [one.source for one in cell if "parameters" not in one.tags]  # a line each, declared and explained
    lengths = [sum(bool(line.strip()) for line in source.splitlines()) for source in code]
    assert max(lengths) <= 15
    assert statistics.median(lengths) <= 3
    assert not [source for source in code if re.search(r"^\s*(async def|def|class)\b", source, re.MULTILINE)]


@pytest.mark.parametrize("path", [*NOTEBOOKS, *EXAMPLES], ids=label)
def test_a_notebook_fits_its_page(path):
    """A row of a table and an address on a line of its own may be wider: neither can be broken."""
    unbreakable = re.compile(r"\|.*\||<?https?://\S+>?")
    lines = [
        line
        for one in cells.read_cells(path)
        for line in one.source.splitlines()
        if not (one.kind == "markdown" and unbreakable.fullmatch(line.strip()))
    ]
    assert not [line for line in lines if len(line) > WIDTH]


@pytest.mark.parametrize("path", [*NOTEBOOKS, *EXAMPLES], ids=label)
def test_a_notebook_says_what_its_cells_are_for_before_they_run(path):
    kinds = [one.kind for one in cells.read_cells(path)]
    after = [before for before, kind in pairwise(kinds) if kind == "code"]
    assert after.count("markdown") / len(after) >= 0.8
    assert max(len(run) for run in re.findall(r"c+", "".join(kind[0] for kind in kinds))) <= 4


ASKS = re.compile(r"task\.(value|frame|send|attempt|measure|compare|plans|access|digest|schema)\(")


@pytest.mark.parametrize("path", [*NOTEBOOKS, *EXAMPLES], ids=label)
def test_python_that_is_to_hold_for_ever_asks_the_target_nothing(path):
    # `verify --live` runs SQL again, never Python: what asks the target must be SQL.
    python = [one.source for one in cells.read_cells(path) if "verify" in one.tags and not one.magic]
    assert not [source for source in python if ASKS.search(source)]


def test_conda_gets_the_environment_that_pip_gets(project):
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    by_pip = next(entry for entry in listed if isinstance(entry, dict))["pip"]
    plain = [entry for entry in listed if isinstance(entry, str) and entry != "pip"]
    conda = requirements(plain + [entry for entry in by_pip if not entry.startswith("--editable")])
    python = conda.pop("python")
    assert str(python.specifier) == project["requires-python"]
    pip = requirements(project["dependencies"])
    assert {name: one.specifier for name, one in conda.items()} == {name: one.specifier for name, one in pip.items()}


def test_constraints_are_exact_versions_that_satisfy_every_range(project):
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.strip() and not line.startswith("#")]
    line = r'([A-Za-z0-9._-]+)==([A-Za-z0-9.!+]+)(?:; python_full_version (?:<|>=) "[0-9.]+")?'
    found = [re.fullmatch(line, one) for one in kept]
    assert not [one for one, match in zip(kept, found, strict=True) if match is None]
    pinned: dict[str, list[Version]] = {}
    for match in filter(None, found):
        pinned.setdefault(match[1].lower().replace("_", "-"), []).append(Version(match[2]))
    wanted = requirements(project["dependencies"] + project["optional-dependencies"]["dev"])
    assert not {
        name: str(one)
        for name, one in wanted.items()
        if name not in pinned or any(version not in one.specifier for version in pinned[name])
    }


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("lib/runbook/plan/plan.py", False),
        ("lib/runbook/database/ledger.py", False),
        ("database/x.py", False),
        ("outputs/expected/00_documentation_and_planning.ipynb", False),
        ("outputs/local/20260101T000000.000Z/manifest.json", True),
        (".runbook/postgres/PG_VERSION", True),
    ],
)
def test_git_ignores_what_a_run_leaves_and_nothing_else(path, ignored):
    command = ["git", "-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "--quiet", path]
    assert (subprocess.run(command, cwd=ROOT, check=False).returncode == 0) is ignored
