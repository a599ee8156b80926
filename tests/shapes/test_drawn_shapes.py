"""Shapes of targets, drawn by a seed: each completes and is given back, or is blocked before anything is changed."""

from pathlib import Path

import pytest

from tests.shapes.generator import draw_shape, pieces, together
from tests.support.draw import Drawing


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_shape_completes_or_is_blocked_in_time(drawing: Drawing, tmp_path: Path, seed: int) -> None:
    shape = draw_shape(seed)
    file = tmp_path / f"shape-{seed}.sql"
    file.write_text(shape.sql, encoding="utf-8")
    draw = drawing.draw(shape.sql, preflight=True)
    assert not draw.refused, f"{file}: {draw.refused}"
    assert draw.is_right, f"{file}: {shape.name}: {draw.verdict}"


@pytest.mark.slow
def test_tables_in_a_schema_of_their_own_complete_beside_a_table_that_stays_in_public(drawing: Drawing) -> None:
    draw = drawing.draw(together(pieces()[name] for name in ("schema_elsewhere", "tenancy_members")).sql)
    assert draw.is_complete, draw.verdict
    assert draw.is_right, draw.verdict
