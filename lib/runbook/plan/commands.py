"""Commands of the plan that print something: an inventory, an address. What they take and print has bounds.

A command reads nothing: whoever calls the runbook in a loop may be reading the same input. It may leave a process
behind, as ssh does; nobody waits for that.
"""

import os
import selectors
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from runbook.errors import UsageError

SECONDS = 60.0  # a command may take
MOST = 1 << 24  # bytes it may print
LOOK = 0.1  # seconds until it is asked again whether it has ended


def printed(command: tuple[str, ...], folder: Path | None = None) -> str:
    """Return what a command prints.

    Args:
        command: the program and its arguments.
        folder: where it runs; by default here.

    Raises:
        UsageError: it cannot be started, fails, takes too long or prints too much; the message repeats nothing it said.
    """
    name = f"The command {command[0]!r}"
    try:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except (OSError, ValueError) as error:
        raise UsageError(f"{name} did not start: {type(error).__name__}.") from None
    with process:
        try:
            found = _read(process, name)
        finally:
            _end(process)
    if process.returncode:
        raise UsageError(f"{name} ended with exit code {process.returncode}: run it by hand to see why.")
    return found.decode("utf-8", "replace")


def _read(process: "subprocess.Popen[bytes]", name: str) -> bytes:
    assert process.stdout is not None
    found, deadline = bytearray(), time.monotonic() + SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            has_ended = process.poll() is not None
            if selector.select(0 if has_ended else LOOK):
                piece = os.read(process.stdout.fileno(), 1 << 16)
                found += piece
                if len(found) > MOST:
                    raise UsageError(f"{name} prints more than {MOST:,} bytes.")
                if piece:
                    continue
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
                    return bytes(found)
            elif has_ended:
                return bytes(found)
    raise UsageError(f"{name} did not answer within {SECONDS:g} s.")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a command that has not ended, and what it started."""
    if process.poll() is None:
        family = [process.pid]
        with suppress(psutil.NoSuchProcess):
            family += [one.pid for one in psutil.Process(process.pid).children(recursive=True)]
        for pid in family:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
