"""The generator of shapes: its pieces say what they are, and a seed always draws the same."""

from collections import Counter

from tests.shapes.generator import DIMENSIONS, SEVERAL, draw_shape, pieces, together
from tests.support.draw import Drawing


def test_every_piece_says_what_it_is() -> None:
    known = pieces()
    for piece in known.values():
        assert piece.dimension in DIMENSIONS, piece.name
        assert piece.name.startswith(piece.dimension), piece.name
        assert piece.expected in {"complete", "acceptance", "blocked"}, piece.name
        assert piece.about[0].islower(), piece.name
        for other in piece.head.get("not with", piece.name).split(", "):
            assert other in known or other in DIMENSIONS, f"{piece.name} names {other}"


def test_a_seed_draws_the_same_shape_every_time() -> None:
    assert [draw_shape(seed).sql for seed in range(50)] == [draw_shape(seed).sql for seed in range(50)]


def test_a_hundred_seeds_draw_every_dimension_and_no_contradiction() -> None:
    shapes = [draw_shape(seed) for seed in range(100)]
    assert {piece.dimension for shape in shapes for piece in shape.pieces} == set(DIMENSIONS)
    for shape in shapes:
        counts = Counter(piece.dimension for piece in shape.pieces)
        assert all(count <= SEVERAL.get(dimension, 1) for dimension, count in counts.items()), shape.name
        assert all(one.fits(other for other in shape.pieces if other is not one) for one in shape.pieces), shape.name
        assert "@" not in shape.sql.replace("@example.org", ""), shape.name


def test_a_shape_goes_without_any_of_its_pieces() -> None:
    shape = together([pieces()[name] for name in ("columns_no_stamps", "balance_generated")])
    assert [piece.name for piece in shape.pieces] == ["columns_no_stamps", "balance_generated", "function_jsonb"]
    smaller = shape.without(pieces()["balance_generated"])
    assert [piece.name for piece in smaller.pieces] == ["columns_no_stamps", "function_jsonb"]
    assert "remaining_credits = remaining_credits -" in smaller.sql


def test_the_server_takes_what_ten_seeds_draw(drawing: Drawing) -> None:
    for seed in range(10):
        with drawing.databases.fresh() as database:
            database.apply(draw_shape(seed).sql)
