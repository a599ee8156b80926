"""The webhook: announcements as Slack-compatible JSON to the address in RUNBOOK_WEBHOOK_URL.

A thread of its own sends them, so that nothing that happens there can hold up or fail a run. The address is a secret:
it is neither logged nor repeated in an error.
"""

import json
import os
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from time import monotonic
from typing import Any

VARIABLE = "RUNBOOK_WEBHOOK_URL"
KINDS = {"start", "progress", "complete", "issue", "escalation", "rolled_back", "end"}
ESCALATION = "escalation"
WAITING = 100  # announcements kept for sending
TIMEOUT = 5.0  # seconds an attempt may take
PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds between attempts
LAST_WAIT = 5.0  # seconds the end of a run waits for what is still to be sent
COLOURS = {"complete": "good", "issue": "warning", ESCALATION: "danger"}


class Webhook:
    """Sends announcements in the background, in order, each with several attempts."""

    def __init__(self, url: str, about: Mapping[str, str], pauses: tuple[float, ...] = PAUSES) -> None:
        self._url, self._about, self._pauses = url, dict(about), pauses
        self._queue: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._ended = threading.Event()
        self._opener = urllib.request.build_opener(_NoRedirect)
        self.lost = 0
        self.complaint = ""
        self._thread = threading.Thread(target=self._work, name="webhook", daemon=True)
        self._thread.start()

    @classmethod
    def from_environment(cls, about: Mapping[str, str]) -> "Webhook | None":
        """Return the webhook that RUNBOOK_WEBHOOK_URL asks for, or None.

        Args:
            about: facts every announcement carries, such as the run.
        """
        url = os.environ.get(VARIABLE, "")
        return cls(url, about) if url else None

    def send(self, kind: str, message: str, facts: Mapping[str, Any]) -> None:
        """Put an announcement on its way; one that finds no place is lost, an escalation takes the oldest one's."""
        if kind not in KINDS:
            return
        body = json.dumps(payload(kind, message, {**self._about, **facts})).encode()
        try:
            self._queue.put_nowait(body)
        except queue.Full:
            self.lost += 1
            if kind == ESCALATION:
                self._replace_oldest(body)

    def close(self) -> str:
        """Wait a little for what is still to be sent, and return what went wrong, in a sentence, or nothing."""
        deadline = monotonic() + LAST_WAIT
        with suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(max(deadline - monotonic(), 0))
        self._ended.set()  # ends the pauses of a thread that is still at it
        lost = self.lost + sum(body is not None for body in self._queue.queue) + self._thread.is_alive()
        if not lost:
            return ""
        return f"{lost} announcement(s) did not reach the webhook ({self.complaint or 'no answer in time'})."

    def _replace_oldest(self, body: bytes) -> None:
        with suppress(queue.Empty, queue.Full):
            self._queue.get_nowait()
            self._queue.put_nowait(body)

    def _work(self) -> None:
        while (body := self._queue.get()) is not None:
            if not any(self._attempt(body, pause) for pause in (0.0, *self._pauses)):
                self.lost += 1

    def _attempt(self, body: bytes, pause: float) -> bool:
        if self._ended.wait(pause):
            return False
        if not self._url.startswith(("http://", "https://")):
            self.complaint = "its address does not begin with http:// or https://"
            return False
        try:
            request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310
            with self._opener.open(request, timeout=TIMEOUT):
                return True
        except urllib.error.HTTPError as error:
            self.complaint = f"HTTP {error.code}"
        except (OSError, HTTPException, ValueError) as error:
            self.complaint = type(error).__name__
        return False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is a failure: followed, the announcement would arrive empty."""

    def redirect_request(self, *_: Any) -> None:
        return None


def payload(kind: str, message: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Slack, and whatever is compatible with it, understands: an escalation calls everybody, in red."""
    fields = [{"title": name, "value": _escaped(str(value)), "short": True} for name, value in facts.items()]
    call = "<!channel> 🚨 " if kind == ESCALATION else ""
    return {
        "text": call + _escaped(message),
        "attachments": [{"color": COLOURS.get(kind, "#1f5f99"), "fallback": kind, "fields": fields}],
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
