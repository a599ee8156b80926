"""Whatever was granted before: nobody gains a right, nobody but tenants loses one, and the rollback restores each."""

import pytest

from tests.shapes.grants import draw_grants
from tests.support.draw import Drawing
from tests.support.outcome import Draw

OWNER = "guardian"
# Whom the migration narrows, and says so: those a customer's request can act as.
TENANTS = {"PUBLIC", "anon", "authenticated", "organization_user"}
MEMBER = "has the member"
WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


def capabilities(lines: frozenset[str]) -> set[tuple[str, str, str]]:
    """Return who can do what with what: role, object, right."""
    return {(role, what, right) for role, what, right in (line.split(" · ") for line in lines)}


def lost(draw: Draw) -> list[tuple[str, str, str]]:
    """Return what somebody who is no tenant could do before and cannot after the tasks.

    A right on a whole table may have become one on each of its columns.
    """
    assert draw.before is not None
    assert draw.after is not None
    before, after = capabilities(draw.before.capabilities), capabilities(draw.after.capabilities)
    columns = {(role, what.rpartition(".")[0], right) for role, what, right in after if what.count(".") == 2}
    public = {("PUBLIC", what, right) for role, what, right in before if role == "PUBLIC"}
    return sorted(
        one
        for one in before - after - columns
        if one[0] not in TENANTS
        and ("PUBLIC", *one[1:]) not in public
        and "credit_actions_id_seq" not in one[1]
        and not one[1].startswith("public.credit_actions")  # the trail is append-only, for everybody
    )


def beyond(draw: Draw) -> list[tuple[str, str, str]]:
    """Return who can write what the migration made: its owner may, servers, whom no policy holds back, and members."""
    assert draw.before is not None
    assert draw.after is not None
    known = {what for _, what, _ in capabilities(draw.before.capabilities)}
    made = {
        one for one in capabilities(draw.after.capabilities) if one[1] not in known and not one[1].startswith("schema ")
    }
    roles = [line.split(" · ") for line in draw.after.facts["role"]]
    members = [(role[0], role[2]) for role in roles if role[1] == MEMBER]
    trusted = {OWNER, *(role[0] for role in roles if role[1] != MEMBER and "t" in (role[1], role[7]))}
    for _ in members:  # those of members of theirs, too
        trusted |= {member for role, member in members if role in trusted}
    return sorted(one for one in made if one[0] not in trusted and one[2] in WRITES)


def rights_are_kept(drawing: Drawing, seed: int) -> None:
    """Draw grants, migrate, and come back."""
    draw = drawing.draw(draw_grants(seed), given={"dry_run": seed % 4 == 0})
    assert not draw.refused, draw.refused
    assert draw.is_right, draw.verdict
    assert beyond(draw) == []
    if draw.is_complete:
        assert lost(draw) == []


# A server that holds nothing of the sequence, tenants who may grant on what they hold, and a member of a server
TELLING = (39, 40, 81)
USUAL = range(17)


@pytest.mark.slow
@pytest.mark.parametrize("seed", (*USUAL, *TELLING))
def test_rights_are_kept(drawing: Drawing, seed: int) -> None:
    rights_are_kept(drawing, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", sorted({*range(200)} - {*USUAL, *TELLING}))
def test_rights_of_any_kind_are_kept(drawing: Drawing, seed: int) -> None:
    rights_are_kept(drawing, seed)
