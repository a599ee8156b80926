"""Provisioner: how jupyter_client starts, watches and ends a forked kernel."""

import os
import sys
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from runbook.kernels import forkserver

SPEC = KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python")


async def ready(client: AsyncKernelClient) -> None:
    """Ask until the kernel answers and its outputs are heard; jupyter_client would wait for a silence of 0.2 seconds.

    Raises:
        RuntimeError: it has died.
    """
    manager: Any = client.parent
    while await manager.is_alive():
        asked = client.kernel_info()
        with suppress(Empty):
            while (await client.shell_channel.get_msg(timeout=1))["parent_header"].get("msg_id") != asked:
                continue
            while not _is_done(await client.iopub_channel.get_msg(timeout=0.2), asked):
                continue
            return
    raise RuntimeError


def _is_done(message: dict[str, Any], asked: str) -> bool:
    of_it: bool = message["parent_header"].get("msg_id") == asked
    return of_it and message["content"].get("execution_state") == "idle"


class Forked(LocalProvisioner):
    """Has a kernel forked where its base class starts an interpreter."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Fork a kernel that takes the arguments of `cmd`."""
        arguments = cmd[cmd.index("-f") :]
        process = forkserver.start(forkserver.serve, [arguments], Path(options["cwd"]), options["env"])
        self.process = _Process(process)  # type: ignore[assignment]
        self.pid = self.pgid = process.pid  # a session of its own, and so a group
        return self.connection_info


class _Process:
    """A forked process with what the provisioner asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Wait for its end and return the exit code."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.pid is not None and self.poll() is None:
            with suppress(ProcessLookupError):  # reaped this very moment
                os.kill(self.pid, number)
