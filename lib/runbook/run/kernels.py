"""Kernels: started and warmed ahead of time, so that a notebook does not wait for its imports."""

import asyncio
import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbclient.client import NotebookClient
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines

ENGINE = "runbook"
WARM_UP = "import runbook.step.magic, runbook.step.charts"


class Loop:
    """An event loop of its own: kernels are started, used and ended on it, whichever thread asks."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="kernels", daemon=True).start()

    def submit(self, coroutine: Any) -> "Future[Any]":
        """Run a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)


class Kernels:
    """Keeps one kernel warm ahead of the one in use, `count` in all."""

    def __init__(self, folder: Path, environment: dict[str, str], count: int) -> None:
        self.folder, self.count = folder, count
        self.environment = {**os.environ, **environment}
        self.loop = Loop()
        self._sockets = TemporaryDirectory(prefix="runbook-", ignore_cleanup_errors=True)
        self._next: Future[Any] | None = None

    def prepare(self) -> None:
        """Start a kernel in the background, unless one waits already or none is needed any more."""
        if self._next is None and self.count:
            self.count -= 1
            self._next = self.loop.submit(self._start())

    def take(self) -> AsyncKernelManager:
        """Return the warm kernel and start the one after it."""
        self.prepare()
        assert self._next is not None
        manager: AsyncKernelManager = self._next.result()
        self._next = None
        self.prepare()
        return manager

    def end(self, manager: AsyncKernelManager) -> None:
        """End a kernel: politely, then by force."""
        self.loop.submit(manager.shutdown_kernel()).result()

    def close(self) -> None:
        """End the kernel nobody took."""
        if self._next is not None:
            self.end(self._next.result())
            self._next = None
        self._sockets.cleanup()

    async def _start(self) -> AsyncKernelManager:
        number = self.count
        manager = AsyncKernelManager(
            kernel_name="python3",
            transport="ipc",  # nothing listens on a network
            ip=f"{self._sockets.name}/{number}",
            connection_file=f"{self._sockets.name}/{number}.json",
        )
        assert manager.kernel_spec is not None
        manager.kernel_spec.argv[0] = sys.executable  # the very interpreter the batch runs in
        await manager.start_kernel(
            cwd=str(self.folder),
            env=self.environment,
            # A kernel that is ended in the middle of a cell would write tracebacks to our terminal.
            extra_arguments=[f"--IPKernelApp.exec_lines={WARM_UP}", "--IPKernelApp.log_level=CRITICAL"],
        )
        return manager


class WarmEngine(Engine):  # type: ignore[misc]
    """papermill's engine on a kernel that runs already."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, **options: Any) -> None:
        """Execute the notebook of `nb_man` on the kernel in `kernels`.

        `on_cell` is told before every code cell, `on_update` the text of an output that a cell has changed since, such
        as a progress line.
        """
        kernels: Kernels = options["kernels"]
        on_cell = options["on_cell"]
        manager = kernels.take()

        async def tell(cell: Any, cell_index: int) -> None:
            if cell.cell_type == "code":
                on_cell(cell_index)

        client = _Client(
            nb_man,
            km=manager,
            kernel_name=kernel_name,
            timeout=None,
            on_cell_start=tell,
            log_output=False,
            coalesce_streams=True,
        )
        client.on_update = options["on_update"]
        try:
            kernels.loop.submit(_execute(client)).result()
        finally:
            atexit.unregister(client._cleanup_kernel)  # nbclient leaves it behind for a kernel it did not start
            kernels.end(manager)


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """Passes on what a cell says while it runs."""

    on_update: Callable[[str], None]

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Process a message of the kernel."""
        if msg["msg_type"] == "update_display_data" and (text := msg["content"]["data"].get("text/plain")):
            self.on_update(text)
        return super().process_message(msg, cell, cell_index)


async def _execute(client: PapermillNotebookClient) -> None:
    """Do what PapermillNotebookClient.execute does, on the loop the kernel belongs to; prose is passed over."""
    client.reset_execution_trackers()
    async with client.async_setup_kernel():
        for index, cell in enumerate(client.nb.cells):
            if cell.cell_type != "code":
                continue
            client.nb_man.cell_start(cell, index)
            try:
                await NotebookClient.async_execute_cell(client, cell, index)
            except CellExecutionError as error:
                client.nb_man.cell_exception(client.nb.cells[index], cell_index=index, exception=error)
                return
            finally:
                with _unsaved(client.nb_man):
                    client.nb_man.cell_complete(client.nb.cells[index], cell_index=index)


@contextmanager
def _unsaved(nb_man: NotebookExecutionManager) -> Iterator[None]:
    """Write no file: the next cell's beginning, or the notebook's end, does it at once."""
    path, nb_man.output_path = nb_man.output_path, None
    try:
        yield
    finally:
        nb_man.output_path = path


papermill_engines.register(ENGINE, WarmEngine)
