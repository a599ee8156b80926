"""`runbook docs`."""

import sys

import click

from runbook.plan.plan import Plan


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a document is out of step.")
def docs(check: bool) -> None:
    """Generate the documents that follow from the notebooks."""
    from runbook.plan.generated_docs import stale_documents, write_documents

    plan = Plan.find()
    for path in stale_documents(plan) if check else write_documents(plan):
        click.echo(f"{'out of step' if check else 'written'}: {path.relative_to(plan.root)}")
        if check:
            sys.exit(1)
