"""Linearity: do time and WAL grow with the table, and memory not? On demand: `python -m bench linearity`."""

from functools import partial

from bench.backfill import UNITS, ours
from bench.figures import Finding, Options, Part, Say, interleave
from bench.place import Place


def run(options: Options, place: Place, say: Say) -> Part:
    """Run our backfill on 1,000,000, 3,000,000 and 10,000,000 organizations (a hundredth of that if quick)."""
    largest = options.size(10_000_000, 100_000)
    sizes = [largest // 10, 3 * largest // 10, largest]
    templates = {size: place.template(size) for size in sizes}
    subjects = {f"{size:,}": partial(ours, place, templates[size], indexes_first=False) for size in sizes}
    samples = interleave(subjects, options.times(1, 1), options.patience, say)
    findings = [
        Finding(
            f"{word} per row, {sizes[2]:,} / {sizes[0]:,}",
            [
                upper[metric] / lower[metric] * sizes[0] / sizes[2]
                for upper, lower in zip(samples[f"{sizes[2]:,}"], samples[f"{sizes[0]:,}"], strict=True)
            ],
            goal="<= 1.2",
        )
        for word, metric in (("time", "seconds"), ("WAL", "wal_mb"), ("growth", "grown_mb"))
    ]
    grown = [sample["memory_mb"] for sample in samples[f"{largest:,}"]]
    findings.append(Finding("growth of this process, largest size", grown, "MB", "<= 50"))
    off = [sample["estimated"] for size in sizes for sample in samples[f"{size:,}"]]
    findings.append(Finding("the whole, estimated after a tenth, is off by at most", [max(off)], "%", "<= 20"))
    return Part("linearity", "Backfill of ever larger tables", samples, UNITS, findings)
