"""Draw shapes: `python -m tests.shapes [--draws N] [--seed S] [--alone | --pieces NAME …]`; see `generator`.

Each that is not as it must be is made smaller, piece by piece, and written as one file of SQL.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.shapes import generator
from tests.support.draw import Drawing
from tests.support.outcome import Draw


def smallest(drawing: Drawing, shape: generator.Shape) -> tuple[generator.Shape, Draw]:
    """Return the shape without every piece that it is wrong without, and what becomes of it."""
    draw = drawing.draw(shape.sql, preflight=True)
    for piece in shape.pieces:
        smaller = shape.without(piece)
        if len(smaller.pieces) < len(shape.pieces):
            found = drawing.draw(smaller.sql, preflight=True)
            if not found.refused and not found.is_right:
                shape, draw = smaller, found
    return shape, draw


def kind(draw: Draw) -> str:
    """Return in a few words what became of a shape."""
    if draw.refused:
        return "refused"
    if not draw.is_right:
        return "wrong"
    if not draw.is_complete:
        return "blocked"
    return "accepted" if draw.accepted else "complete"


def surprise(draw: Draw, shape: generator.Shape) -> str:
    """Return in a few words how a piece alone became something else than it says; empty: it did not."""
    said = {one.expected for one in shape.pieces if one.name != "function_jsonb"}
    expected = {"acceptance": "accepted"}.get(*said, *said) if len(said) == 1 else kind(draw)
    return "" if kind(draw) == expected else f" (expected: {expected})"


def main() -> int:
    """Draw, and return 1 where one was not as it must be, or a piece alone not as it says."""
    parser = argparse.ArgumentParser(prog="python -m tests.shapes", description=__doc__)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the first draw; the others count on from it")
    parser.add_argument("--alone", metavar="START", nargs="?", const="", help="each piece alone (whose name starts so)")
    parser.add_argument("--pieces", nargs="+", help="these pieces together")
    parser.add_argument("--to", type=Path, default=Path(tempfile.gettempdir()), help="folder for what is wrong")
    parser.add_argument("--as-drawn", action="store_true", help="make nothing smaller")
    told = parser.parse_args()
    known = generator.pieces()
    if told.pieces:
        shapes = [generator.together(known[name] for name in told.pieces)]
    elif told.alone is not None:
        shapes = [generator.together([one]) for name, one in known.items() if name.startswith(told.alone)]
    else:
        shapes = [generator.draw_shape(seed) for seed in range(told.seed, told.seed + told.draws)]
    counts: Counter[str] = Counter()
    surprises = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("IPYTHONDIR", str(Path(folder, "ipython")))
        drawing = Drawing(Path(folder))
        for number, shape in enumerate(shapes, start=told.seed):
            draw = drawing.draw(shape.sql, preflight=True)
            counts[kind(draw)] += 1
            other = surprise(draw, shape) if told.alone is not None else ""
            surprises += bool(other)
            print(f"{number} {kind(draw)}{other} · {shape.name}: {draw.verdict}", flush=True)
            if kind(draw) in ("wrong", "refused") and not told.as_drawn:
                least, found = smallest(drawing, shape) if kind(draw) == "wrong" else (shape, draw)
                path = told.to / f"shape-{number}.sql"
                path.write_text(least.sql, encoding="utf-8")
                print(f"    smallest: {least.name}: {found.verdict} · {path}", flush=True)
    print(" · ".join(f"{count} {what}" for what, count in counts.items()))
    return int(bool(counts["wrong"] + counts["refused"] + surprises))


if __name__ == "__main__":
    sys.exit(main())
