"""What is sent to a target whose schema has another name than in the plan."""

import pytest

from runbook.database.schema_names import AsFound, renamed

NAMES = {"public": ("Billing App", '"Billing App"')}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("SELECT * FROM public.organizations", 'SELECT * FROM "Billing App".organizations'),
        ("WHERE nspname = 'public'", "WHERE nspname = 'Billing App'"),
        ("'public'::REGNAMESPACE", "'\"Billing App\"'::REGNAMESPACE"),
        ("to_regclass('public.' || name)", "to_regclass('\"Billing App\".' || name)"),
        ("SET search_path = public, pg_temp", 'SET search_path = "Billing App", pg_temp'),
        ("EXECUTE 'DROP VIEW public.v'", "EXECUTE 'DROP VIEW \"Billing App\".v'"),
        ("REVOKE ALL ON t FROM PUBLIC", "REVOKE ALL ON t FROM PUBLIC"),
        ('SELECT count(*) FROM "public"."theirs"', 'SELECT count(*) FROM "public"."theirs"'),
        ("SELECT is_public, public_key, $public$ AS a", "SELECT is_public, public_key, $public$ AS a"),
    ],
)
def test_the_schema_is_named_as_it_is_called_there(written: str, sent: str) -> None:
    assert renamed(written, NAMES) == sent.encode()
    assert renamed(written.encode(), NAMES) == sent.encode()


def test_what_the_target_itself_names_means_what_it_says() -> None:
    assert renamed(AsFound(b"DROP VIEW public.v"), NAMES) == b"DROP VIEW public.v"


def test_where_the_names_are_the_same_nothing_is_touched() -> None:
    assert renamed("SELECT * FROM public.organizations", {}) == b"SELECT * FROM public.organizations"
