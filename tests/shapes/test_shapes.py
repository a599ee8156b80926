"""Shapes of targets, drawn by a seed: each completes and is given back, or is blocked before anything is changed."""

from pathlib import Path

import pytest

from tests.shapes.generator import draw_shape
from tests.support.draw import Drawing


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_shape_completes_or_is_blocked_in_time(drawing: Drawing, tmp_path: Path, seed: int) -> None:
    shape = draw_shape(seed)
    file = tmp_path / f"shape-{seed}.sql"
    file.write_text(shape.sql, encoding="utf-8")
    draw = drawing.draw(shape.sql)
    assert not draw.refused, f"{file}: {draw.refused}"
    assert draw.is_right, f"{file}: {shape.name}: {draw.verdict}"
