"""The door: `python -m bench [PART …] [--quick] [--organizations N] [--repetitions N]`."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.status import Status

from bench import machine, paper
from bench.figures import Options, Part, Patience, Say
from bench.place import Place

ROOT = Path(__file__).parents[1]
PARTS = ("backfill", "consume", "online", "batch", "alarms", "audit", "isolation")
ON_DEMAND = ("linearity", "wide", "preflight", "fleet", "targets", "verify", "live", "pooled", "edge")
Run = Callable[[Options, Place, Say], Part]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parts", nargs=-1, type=click.Choice([*PARTS, *ON_DEMAND]), metavar="[PART]...")
@click.option("--quick", is_flag=True, help="Smaller and fewer: two minutes in all.")
@click.option("--organizations", type=click.IntRange(100), help="How many organizations are migrated.")
@click.option("--repetitions", type=click.IntRange(1), help="How often each subject is measured.")
@click.option("--patience", type=float, default=0.0, help="Minutes to wait, in all, for a machine others leave alone.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the results go  [default: outputs/bench/DATE]")
def main(parts: tuple[str, ...], folder: Path | None, patience: float, **asked: Any) -> None:
    """Measure the parts (all: backfill, consume, online, batch, alarms, audit, isolation) against yardsticks.

    On demand only: linearity, wide, preflight, fleet, targets, verify, live, pooled, edge.
    """
    console, options = Console(), Options(**asked, patience=Patience(60 * patience))
    begun = datetime.now(UTC)
    head = {"at": begun.isoformat(timespec="seconds"), "machine": machine.describe(), "load_before": machine.load()}
    place, found = Place(ROOT), []
    try:
        for name in parts or PARTS:
            run: Run = import_module(f"bench.{name}").run
            with console.status(name) as status:
                found.append(run(options, place, partial(_say, status, name)))
            paper.show(found[-1], console)
    finally:
        place.close()
    head |= {"load_after": machine.load(), "options": {**asked, "patience": patience}}
    target = folder or ROOT / "outputs" / "bench" / begun.strftime("%Y-%m-%dT%H%M%S")
    console.print(_machine(head), paper.write(target, found, head), sep="\n")


def _say(status: Status, part: str, text: str) -> None:
    status.update(f"{part}: {text}")


def _machine(head: dict[str, Any]) -> str:
    facts, load = head["machine"], head["load_before"]
    return (
        f"{facts['cores']} cores ({facts['processor']}), {facts['memory_gib']} GiB, Python {facts['python']}; "
        f"before the start {load['runnable']} runnable processes, cores busy to {load['percent']} %"
    )


if __name__ == "__main__":
    main()
