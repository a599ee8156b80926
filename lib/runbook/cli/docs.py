"""`runbook docs`."""

import json
import sys

import click

from runbook.plan import plan_file
from runbook.plan.plan import Plan


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a document is out of step.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of runbook.toml, for editors, and nothing else.")
def docs(check: bool, schema: bool) -> None:
    """Generate the documents that follow from the notebooks."""
    if schema:
        click.echo(json.dumps(plan_file.json_schema(), indent=1))
        return
    from runbook.plan.generated_docs import stale_documents, write_documents

    plan = Plan.find()
    for path in stale_documents(plan) if check else write_documents(plan):
        click.echo(f"{'out of step' if check else 'written'}: {path.relative_to(plan.root)}")
        if check:
            sys.exit(1)
