"""The folder of a run as the batch leaves it, made up: for the tests of pages and report, and for looking at them."""

import base64
import hashlib
import json
import re
import struct
import zlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from runbook.evidence.model import TaskEntry
from runbook.plan.plan import Plan

BEGUN = datetime.fromisoformat("2026-11-22T09:59:13.572000+00:00")
SECONDS = (1.1, 2.9, 4.6, 3.2, 5.8, 2.4)
RUN_ID = "20261122T095913.572Z"
ALT = "Allocation by plan, before and after. credits. free: before 434,139, after 477,642"


OUTWARD = re.compile(
    r"""<script|<iframe|<link|@import|url\(\s*["']?(?!data:|\#)|(?:src|href|poster|srcset)\s*=\s*["']?\s*(?:[a-z]+:)?//""",
    re.IGNORECASE,
)


def outward(html: str) -> list[str]:
    """Return every place of a page that refers to a network or runs something."""
    return [html[found.start() : found.start() + 60] for found in OUTWARD.finditer(html)]


def words(tag: Any) -> str:
    """Return the words of a tag, a blank between them."""
    return " ".join(tag.get_text(" ").split())


def png(width: int = 8, height: int = 4) -> str:
    """Return a small PNG image, base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x00\x72\xb2" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    image = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(image).decode()


def table(names: list[str], rows: list[list[str]]) -> str:
    head = "".join(f'<th style="text-align: center">{name}</th>' for name in names)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def notebook(title: str) -> Any:
    """Return an executed notebook with one of everything a page must show."""
    badge = '<div role="status"><span style="background:#1a7f37;color:#fff">✓ PASS</span> <b>nobody is left</b></div>'
    cells = [
        new_markdown_cell(f"# {title}\n\n**Purpose** Show & tell.  See [the next](01_next.ipynb)."),
        new_code_cell(
            'environment: str = "local"  # an environment', execution_count=1, metadata={"tags": ["parameters"]}
        ),
        new_markdown_cell("## 2.1 · Schema\n\n### 2.1.1 · Columns\n\n**Purpose** Ask.\n**Expected** `SELECT 1`."),
        new_code_cell(
            "%%sql --retry\nSELECT plan_name, COUNT(*) AS organizations -- 'x' < 1\nFROM organizations",
            execution_count=2,
            metadata={"tags": ["verify"], "papermill": {"duration": 0.0123}},
            outputs=[
                new_output("stream", name="stdout", text="SELECT 2\n"),
                new_output(
                    "execute_result",
                    execution_count=2,
                    data={
                        "text/html": table(["plan_name", "organizations"], [["free", "1,250"], ["premium", "12"]]),
                        "text/plain": "two rows",
                    },
                ),
            ],
        ),
        new_code_cell(
            "%%check nobody is left: no rows\n-- criterion: all\nSELECT id FROM organizations WHERE FALSE",
            execution_count=3,
            outputs=[new_output("display_data", data={"text/html": badge, "text/plain": "✓ PASS"})],
        ),
        new_code_cell(
            'charts.bars(frame, "plan", ["before", "after"])',
            execution_count=4,
            outputs=[
                new_output(
                    "execute_result",
                    execution_count=4,
                    data={"image/png": png(), "text/plain": "<Image>"},
                    metadata={"image/png": {"alt": ALT}},
                )
            ],
        ),
        new_code_cell(
            "%%sql --retry\n-- why\nALTER TABLE organizations ADD COLUMN x integer",
            execution_count=5,
            metadata={"tags": ["apply"]},
        ),
        new_markdown_cell("## Gate"),
        new_code_cell("task.conclude()", execution_count=6),
    ]
    run = {"start_time": "2026-11-22T09:59:13.572595+00:00", "duration": 2.644546}
    return new_notebook(cells=cells, metadata={"papermill": run, "language_info": {"name": "python"}})


def stopped(content: Any, message: str) -> Any:
    """Return the notebook as papermill leaves it when its third code cell raises."""
    style = 'style="color:red; font-family:Helvetica Neue; font-size:2em;"'
    cells = content.cells
    cells[4].outputs = [
        new_output("error", ename="GateShut", evalue=message, traceback=[f"\x1b[1;31mGateShut\x1b[0m · {message}"])
    ]
    for cell in cells[5:]:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    tags = {"tags": ["papermill-error-cell-tag"]}
    where = f"<span {style}>An Exception was encountered at '<a href=\"#papermill-error-cell\">In [3]</a>'.</span>"
    here = f'<span id="papermill-error-cell" {style}>Execution using papermill encountered an exception here</span>'
    cells.insert(4, new_markdown_cell(here, metadata=tags))
    cells.insert(0, new_markdown_cell(where, metadata=tags))
    return content


def manifest(plan: Plan) -> dict[str, Any]:
    """Return the manifest of a complete run of the whole plan."""
    tasks, moment = [], BEGUN + timedelta(seconds=0.4)
    for task, seconds in zip(plan.tasks, SECONDS, strict=True):
        checks = [
            {
                "name": f"{criterion[:1].lower()}{criterion[1:]}, counted",
                "criterion": criterion,
                "trigger": trigger,
                "expected": "no rows",
                "actual": "no rows",
                "passed": True,
            }
            for criterion, trigger in zip(task.criteria, task.triggers, strict=True)
        ]
        tasks.append(
            {
                "number": task.number,
                "name": task.name,
                "status": "complete",
                "estimate_minutes": task.minutes,
                "started_at": moment.isoformat(),
                "finished_at": (moment + timedelta(seconds=seconds)).isoformat(),
                "notebook": task.notebook.name,
                "sha256": hashlib.sha256(task.name.encode()).hexdigest(),
                "checks": checks,
                "criteria": [{"name": name, "met": True} for name in task.criteria],
                "triggers": [{"name": name, "fired": False} for name in task.triggers],
                "notes": {},
            }
        )
        moment += timedelta(seconds=seconds + 0.25)
    tasks[1]["notes"], tasks[2]["notes"], tasks[4]["notes"] = NOTES
    return {
        "run_id": RUN_ID,
        "plan": plan.name,
        "title": plan.title,
        "environment": "local",
        "protected": False,
        "operator": "Ada Lovelace",
        "status": "complete",
        "started_at": BEGUN.isoformat(),
        "finished_at": moment.isoformat(),
        "digest": hashlib.sha256(b"plan").hexdigest(),
        "parameters": {"workers": 4},
        "approval": {"approver": "automatic", "statement": "environment local needs no approval"},
        "failure": None,
        "versions": {"python": "3.11.7", "runbook": "0.1.0", "papermill": "2.7.0", "ipython-sql": "0.5.0"},
        "server": {"version": "18.6", "database": "guardian", "user": "guardian", "size_bytes": 31_457_280},
        "decisions": [],
        "fault_injection": {"file": "faults.json"},
        "deviations": "DEVIATIONS.md",
        "schema": {"file": "schema.sql", "before": "schema_before.sql"},
        "comparison": {
            "mode": "strict",
            "passed": True,
            "notebooks": [
                {
                    "notebook": task.notebook.name,
                    "passed": True,
                    "cells": 22,
                    "compared": 20,
                    "ignored": 2,
                    "differences": [],
                }
                for task in plan.tasks
            ],
        },
        "tasks": tasks,
    }


def _measured(name: str, median: float) -> dict[str, Any]:
    return {
        "name": name,
        "n": 200,
        "median": median,
        "p95": median * 1.4,
        "p99": median * 2,
        "low": median * 0.97,
        "high": median * 1.04,
    }


NOTES: tuple[dict[str, Any], ...] = (
    {
        "schema before": "CREATE TABLE organizations (\n    id uuid NOT NULL,\n    total_credits integer\n);\n",
        "credits before": {"free": 434_139, "starter": 1_721_570, "premium": 4_126_810},
        "credit check": _measured("credit check", 0.0871),
        "backup": {"file": f"{RUN_ID}.dump", "sha256": "9f2c" * 16, "bytes": 3_211_810, "proven": True},
    },
    {
        "schema after": (
            "CREATE TABLE organizations (\n    id uuid NOT NULL,\n    total_credits integer,\n"
            "    ai_credits integer DEFAULT 0 NOT NULL,\n    sms_credits integer DEFAULT 0 NOT NULL\n);\n"
        ),
        "credits after": {"free": 477_642, "starter": 1_895_700, "premium": 9_465_600},
        "backfill organizations": {
            "rows": 5000,
            "batches": 12,
            "passes": 2,
            "retries": 0,
            "seconds": 0.41,
            "history": [{"seconds": 0.01, "rows": 500}, {"seconds": 0.41, "rows": 5000}],
        },
    },
    {
        "consumption": {
            "name": "consumption",
            "before": _measured("before", 0.412),
            "after": _measured("after", 0.398),
            "change": -3.4,
            "low": -5.1,
            "high": -1.8,
        },
        "slowest queries": [
            {"query": "SELECT …", "calls": 1200, "mean ms": 0.091},
            {"query": "UPDATE …", "calls": 400, "mean ms": 0.412},
        ],
    },
)


def entry(number: int = 1, **given: Any) -> TaskEntry:
    """Return what a manifest says of a task, with what is given for it and nothing else."""
    fields: dict[str, Any] = {
        "number": number, "name": "x", "status": "complete", "estimate_minutes": 15, "started_at": None,
        "finished_at": None, "notebook": None, "sha256": None, "checks": [], "criteria": [], "triggers": [],
    }  # fmt: skip
    return TaskEntry(**(fields | given))


def failed(complete: dict[str, Any], number: int = 2) -> dict[str, Any]:
    """Return the manifest of the same run, stopped by a check in task `number`."""
    found = json.loads(json.dumps(complete))
    for task in found["tasks"]:
        if task["number"] > number:
            task.update(
                status="not_run", started_at=None, finished_at=None, notebook=None, sha256=None, checks=[], notes={}
            )
            task["criteria"] = [{**one, "met": None} for one in task["criteria"]]
            task["triggers"] = [{**one, "fired": None} for one in task["triggers"]]
    task = found["tasks"][number]
    task["status"] = "failed"
    wrong = task["checks"][1]
    wrong.update(name="nobody is left without an allocation", actual="3 rows", passed=False)
    task["checks"] = task["checks"][:2]
    for place in range(4):
        task["criteria"][place]["met"] = (True, False, None, None)[place]
        task["triggers"][place]["fired"] = (False, True, None, None)[place]
    found.update(status="failed", comparison=None)
    found["failure"] = {
        "task": number,
        "name": "GateShut",
        "message": (
            f"Task {number}, check “nobody is left without an allocation”: expected no rows, found 3 rows. "
            f"This fires the rollback trigger “{wrong['trigger']}”."
        ),
        "next": "runbook run --environment local --resume",
    }
    return found


FAULT = {
    "fault": "02_left_out",
    "task": 2,
    "check": "nobody is left without an allocation",
    "trigger": "Data migration errors or inconsistencies",
    "reason": "an organization was left out",
    "result": "caught",
    "found": "",
}
DEVIATIONS = """# Deviations

## Task 2

| step | the brief says | what goes wrong | what we do |
| --- | --- | --- | --- |
| 2.2.1 | `'x' \\|\\| plan_name` | NULL | `COALESCE` |
| 2.3.1 | read, compute, write | a debit is lost | one statement |
"""
SCHEMA_BEFORE = """CREATE TABLE public.organizations (
    id uuid NOT NULL
);
CREATE FUNCTION public.f(a integer) RETURNS void
    AS $$ SELECT 1 $$;
GRANT ALL ON TABLE public.organizations TO anon;
"""
SCHEMA = """CREATE TABLE public.organizations (
    id uuid NOT NULL,
    ai_credits integer
);
CREATE FUNCTION public.f(a integer) RETURNS void
    AS $$ SELECT 1 $$;
CREATE UNIQUE INDEX one ON public.organizations USING btree (id);
"""


def injection(digest: str, *results: str) -> str:
    """Return the record of a fault injection in which the faults of Task 2 came to these results."""
    faults = [{**FAULT, "fault": f"02_fault_{place}", "result": one} for place, one in enumerate(results)]
    return json.dumps({"digest": digest, "counts": {}, "faults": faults})


def write(folder: Path, content: dict[str, Any]) -> Path:
    """Write a run's folder: manifest, journal, what lies beside, and the executed notebooks the manifest names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "DEVIATIONS.md").write_text(DEVIATIONS, encoding="utf-8")
    (folder / "schema_before.sql").write_text(SCHEMA_BEFORE, encoding="utf-8")
    (folder / "schema.sql").write_text(SCHEMA, encoding="utf-8")
    if not (folder / "faults.json").exists():
        (folder / "faults.json").write_text(injection(content["digest"], "caught", "caught"), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    for task in content["tasks"]:
        if task["notebook"]:
            executed = notebook(f"Task {task['number']} · {task['name']}")
            if content["failure"] and task["status"] == "failed":
                executed = stopped(executed, content["failure"]["message"])
            (folder / task["notebook"]).write_text(json.dumps(executed, ensure_ascii=False), encoding="utf-8")
    events = [
        {"at": content["started_at"], "event": "run", "message": content["title"], "run_id": content["run_id"]},
        {"at": content["started_at"], "event": "start", "message": "Starting Task 0 - ETA: 15 min", "task": 0},
        {"at": content["started_at"], "event": "cell", "message": "0.1", "task": 0, "cell": 1, "of": 6},
        {
            "at": content["finished_at"],
            "event": "escalation",
            "message": "ESCALATION · Task 2",
            "task": 2,
            "reason": "trigger",
        },
    ]
    lines = [json.dumps(event, ensure_ascii=False) for event in events]
    (folder / "events.jsonl").write_text("\n".join([*lines, '{"at": "2026-11-22T09:5']), encoding="utf-8")
    return folder
