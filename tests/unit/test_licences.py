"""Every dependency says its licence, and one that this project can be passed on with."""

import re

from tests import licences

FINE = re.compile(r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|Zlib|CC0)\b")
WEAK_COPYLEFT = {"psycopg", "psycopg-binary"}  # LGPL: used as a library, unmodified


def test_every_dependency_has_a_licence_to_live_with():
    found = list(licences.listed())
    assert len(found) > 100
    assert [one for one in found if one[0] not in WEAK_COPYLEFT and not FINE.search(one[2])] == []
    assert {words for name, _, words in found if name in WEAK_COPYLEFT} == {"LGPL-3.0-only"}
