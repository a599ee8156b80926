"""A service over HTTP: what it answers when it is asked, seen from where the runbook runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from runbook.errors import UsageError

PATIENCE = 10  # seconds
MOST = 65_536  # bytes of an answer that are read


@dataclass(frozen=True)
class HttpAnswer:
    """What a service said.

    Attributes:
        status: of HTTP; 0 where nobody answered.
        headers: by their names in lower case.
        said: the body, if it is JSON; why nobody answered, under `error`.
    """

    status: int
    headers: Mapping[str, str]
    said: Any


def ask(address: str, body: Any = None, token: str = "") -> HttpAnswer:
    """Send a request: POST where there is a body, else GET.

    Args:
        address: `https://…`, or `http://…` on this very machine.
        body: sent as JSON.
        token: sent as a bearer's; it stands in no answer.

    Raises:
        UsageError: the address is none.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username:
        raise UsageError(f"{address!r} is no address of a service: write https://host/path, without a password.")
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(address, data, headers), timeout=PATIENCE) as answer:  # noqa: S310 - the scheme is looked at above
            return _answer(answer.status, answer.headers, answer.read(MOST))
    except HTTPError as error:
        return _answer(error.code, error.headers, error.read(MOST))
    except (URLError, OSError) as error:
        return HttpAnswer(0, {}, {"error": str(getattr(error, "reason", error))})


def _answer(status: int, headers: Any, body: bytes) -> HttpAnswer:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    return HttpAnswer(status, {name.lower(): value for name, value in headers.items()}, said)
