"""The plan: what is refused, and with which words; which tasks a range names; what the digest covers."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from runbook.errors import UsageError
from runbook.plan import fingerprint, plan_file
from runbook.plan.plan import Plan

TOY = Path(__file__).parents[1] / "toy"
TASK = """
[[tasks]]
number = 1
name = "First"
notebook = "notebooks/1.ipynb"
rollback = "sql/1.sql"
minutes = 5
risk = "low"
needs = []
steps = [{ number = "1.1", name = "Only step", minutes = 5 }]
criteria = ["It works"]
triggers = ["It does not"]
"""
TOML = f"""
[runbook]
name = "small"
title = "Small"
{TASK}
[environments.local]
server = "embedded"
approval = "automatic"
"""


@pytest.fixture
def read(tmp_path):
    """Read a plan from text."""

    def read_text(text):
        (tmp_path / "runbook.toml").write_text(text, encoding="utf-8")
        return Plan.load(tmp_path / "runbook.toml")

    return read_text


@pytest.fixture
def small(tmp_path):
    shutil.copytree(TOY, tmp_path / "copy")
    return Plan.load(tmp_path / "copy" / "runbook.toml")


def test_a_plan_knows_its_tasks_and_where_they_lie(read, tmp_path):
    task = read(TOML).task(1)
    assert task.notebook == tmp_path / "notebooks" / "1.ipynb"
    assert [step.number for step in task.steps] == ["1.1"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[runbook]", "[runbook", "not valid TOML"),
        ('criteria = ["It works"]\n', "", r"tasks\[1\]\.criteria is missing"),
        ("[runbook]", "[runbooks]", "runbook is missing"),
        ("[environments.local]", "[surroundings.local]", "environments is missing"),
        ("minutes = 5\nrisk", 'minutes = 5\ncolour = "red"\nrisk', r"tasks\[1\] has no entry 'colour'"),
        ("minutes = 5 }", "minutes = 5, hours = 1 }", r"tasks\[1\]\.steps\[1\] has no entry 'hours'"),
        ('server = "embedded"', 'server = "embedded"\nprot = 1', "environments.local has no entry 'prot'"),
        ("needs = []", "needs = 0", r"tasks\[1\]\.needs must be a valid tuple"),
        ("minutes = 5\nrisk", 'minutes = "five"\nrisk', r"tasks\[1\]\.minutes must be a valid integer"),
        ("notebooks/1.ipynb", "../1.ipynb", r"tasks\[1\]\.notebook must lie below the folder of the plan"),
        ("sql/1.sql", "/tmp/1.sql", r"tasks\[1\]\.rollback must lie below the folder of the plan"),
        ('server = "embedded"', 'server = "cloud"', "environments.local.server must be 'embedded' or 'url'"),
        ("[environments.local]", '[environments."../x"]', r"environments\.\.\./x\.name must be a name of letters"),
        ('approval = "automatic"', 'approval = "maybe"', "must be 'automatic' or 'required'"),
        (
            'approval = "automatic"',
            'approval = "required"\napprovers = 0',
            "approvers must be greater than or equal to 1",
        ),
        ('approval = "automatic"', 'approval = "required"\napprovers = "two"', "approvers must be a valid integer"),
        ("needs = []", "needs = [2]", "needs task 2, which does not come before it"),
        ("needs = []", "needs = [1]", "needs task 1, which does not come before it"),
        (TASK, TASK + TASK, "task 1 is there twice"),
        ('title = "Small"', 'title = "Small"\nescalate = 2', "runbook has no entry 'escalate'"),
        ('approval = "automatic"', 'approval = "required"\nneeds = "moon"', "needs 'moon', which does not come before"),
        (
            'approval = "automatic"',
            'approval = "required"\nneeds = "local"',
            "needs 'local', which does not come before",
        ),
    ],
)
def test_a_wrong_plan_is_refused_by_name(read, old, new, complaint):
    assert old in TOML
    with pytest.raises(UsageError, match=complaint):
        read(TOML.replace(old, new, 1))


def test_what_entries_say_beside_each_other_is_said_at_once_with_what_each_says_alone(read):
    lone = TASK.replace("number = 1", "number = 2").replace("minutes = 5\n", 'minutes = "long"\n', 1)
    text = TOML.replace(TASK, f"{lone}{TASK}").replace("needs = []", "needs = [2, 9]") + (
        '[environments.staging]\napproval = "maybe"\n'
        '[environments.production]\nneeds = "staging"\napproval = "required"\n'
        '[environments.late]\nneeds = "later"\napproval = "required"\n'
    )
    with pytest.raises(UsageError) as refused:
        read(text)
    said = [line.partition(": ")[2] for line in str(refused.value).splitlines()]
    assert said == [
        "tasks[1] (number 2).minutes must be a valid integer.",
        "environments.staging.approval must be 'automatic' or 'required'.",
        "task 1 needs task 9, which does not come before it.",
        "environment late needs 'later', which does not come before it.",
    ]


@pytest.mark.parametrize("text", ["tasks = 1\n[runbook]\n", "[runbook]\nname = 1\n", "[[tasks]]\nnumber = [1]\n", ""])
def test_a_plan_with_nothing_right_in_it_is_refused_in_words(read, text):
    with pytest.raises(UsageError, match=r"runbook\.toml: "):
        read(text)


def test_everything_wrong_is_said_at_once(read):
    wrong = TOML.replace("minutes = 5\nrisk", 'minutes = "five"\nrsik').replace('"embedded"', '"cloud"')
    with pytest.raises(UsageError) as refused:
        read(wrong)
    said = [line.partition("runbook.toml: ")[2] for line in str(refused.value).splitlines()]
    assert said == [
        "tasks[1].minutes must be a valid integer.",
        "tasks[1].risk is missing.",
        "tasks[1] has no entry 'rsik'.",
        "environments.local.server must be 'embedded' or 'url'.",
    ]


def test_no_value_is_repeated_for_it_may_be_a_secret(read):
    with pytest.raises(UsageError) as refused:
        read(TOML.replace('server = "embedded"', 'server = "postgres://u:s3cret@h/d"'))
    assert "s3cret" not in str(refused.value)


def test_an_editors_schema_has_every_entry_of_the_plan_and_no_other():
    root, schema = TOY.parents[1], plan_file.json_schema()
    assert json.loads((root / "docs" / "runbook.schema.json").read_text()) == schema
    check = Draft202012Validator(schema)
    for path in (root / "runbook.toml", TOY / "runbook.toml"):
        assert not [error.message for error in check.iter_errors(tomllib.loads(path.read_text(encoding="utf-8")))]
    assert [error.message for error in check.iter_errors(tomllib.loads(TOML.replace("risk", "rsik")))]


def test_what_needs_a_run_elsewhere_needs_its_approval(read):
    with pytest.raises(UsageError, match="so its approval must be 'required'"):
        read(TOML + '[environments.moon]\napproval = "automatic"\nneeds = "local"\n')


def test_a_plan_is_found_from_a_folder_below_it(plan):
    assert Plan.find(plan.root / "notebooks").root == plan.root


def test_without_a_plan_the_folder_is_named(tmp_path):
    with pytest.raises(UsageError, match=str(tmp_path)):
        Plan.find(tmp_path)


@pytest.mark.parametrize(
    ("first", "last", "numbers"),
    [(None, None, [0, 1, 2, 3, 4, 5]), (2, None, [2, 3, 4, 5]), (None, 1, [0, 1]), (3, 3, [3]), (1, 4, [1, 2, 3, 4])],
)
def test_a_range_names_its_tasks_both_ends_included(plan, first, last, numbers):
    assert [task.number for task in plan.between(first, last)] == numbers


@pytest.mark.parametrize(("first", "last", "complaint"), [(3, 2, "other way round"), (9, None, "no task 9")])
def test_a_range_that_makes_no_sense_is_refused(plan, first, last, complaint):
    with pytest.raises(UsageError, match=complaint):
        plan.between(first, last)


def test_an_unknown_environment_is_refused_and_the_known_ones_named(plan):
    with pytest.raises(UsageError, match=r"'moon'.*local, staging, production"):
        plan.environment("moon")


def test_an_environments_url_comes_from_its_own_variable(read):
    environments = read(TOML + "\n[environments.pre-prod]\n").environments
    assert environments["pre-prod"].url_variable == "RUNBOOK_PRE_PROD_DATABASE_URL"


def test_the_digest_ignores_outputs(small):
    before, path = fingerprint.plan_digest(small), small.tasks[0].notebook
    notebook = json.loads(path.read_text())
    notebook["cells"][1] |= {
        "execution_count": 7,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}],
    }
    path.write_text(json.dumps(notebook))
    assert fingerprint.plan_digest(small) == before


@pytest.mark.parametrize("part", ["notebook", "script", "new script", "plan"])
def test_the_digest_sees_every_source(small, part):
    before, path = fingerprint.plan_digest(small), small.tasks[0].notebook
    if part == "notebook":
        notebook = json.loads(path.read_text())
        notebook["cells"][-1]["source"] = "task.conclude()  # changed"
        path.write_text(json.dumps(notebook))
    elif part == "script":
        small.tasks[0].rollback.write_text("SELECT 1")
    elif part == "new script":
        (small.root / "sql" / "more.sql").write_text("SELECT 1")
    else:
        (small.root / "runbook.toml").write_text("# changed")
    assert fingerprint.plan_digest(small) != before
