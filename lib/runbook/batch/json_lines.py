"""What a run says, for a program that listens: one JSON object per line, each event as the journal has it."""

import json
from datetime import UTC, datetime
from typing import Any

from rich.console import Console


class JsonLines(Console):
    """A console on which events stand as lines of JSON; whatever else is printed is an event “said”."""

    def event(self, line: dict[str, Any]) -> None:
        """Write an event, whole and at once."""
        self.file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.file.flush()

    def print(self, *objects: Any, **_: Any) -> None:
        """Write what is printed as an event."""
        message = " ".join(map(str, objects))
        if message.strip():
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            self.event({"at": at, "event": "said", "message": message})
