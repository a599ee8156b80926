"""Kernels: each is forked, before it is needed, from a process that has imported everything."""

import asyncio
import atexit
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient.client import NotebookClient
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines

from runbook.evidence import manifest
from runbook.kernels import forkserver, provisioner

ENGINE = "runbook"
READY = 60  # seconds


class Loop:
    """An event loop of its own: kernels are started, used and ended on it, whichever thread asks."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="kernels", daemon=True).start()

    def submit(self, coroutine: Any) -> "Future[Any]":
        """Run a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def wait_for(self, coroutine: Any) -> Any:
        """Run a coroutine on the loop and return its result; where the wait is interrupted, it has stopped before."""
        begun = self.submit(_begin(coroutine))
        try:
            return self.submit(_end_of(begun.result())).result()
        except BaseException:
            work = begun.result()
            self.loop.call_soon_threadsafe(work.cancel)
            self.submit(asyncio.wait([work])).result()
            raise


async def _begin(coroutine: Any) -> "asyncio.Task[Any]":
    return asyncio.create_task(coroutine)


async def _end_of(work: "asyncio.Task[Any]") -> Any:
    return await work


class Kernels:
    """Keeps one kernel ready ahead of the one in use, `count` in all."""

    def __init__(self, folder: Path, environment: dict[str, str], count: int) -> None:
        self.folder, self.count = folder, count
        self.loop = Loop()
        self._sockets = TemporaryDirectory(prefix="runbook-", dir=forkserver.sockets(), ignore_cleanup_errors=True)
        # Whatever somebody has IPython run or load when it begins is nothing that was approved.
        self.environment = {**os.environ, **environment, "IPYTHONDIR": self._sockets.name}
        self._next: Future[AsyncKernelClient] | None = None
        self._ending: list[Future[None]] = []

    def prepare(self) -> None:
        """Start a kernel in the background, unless one waits already or none is needed any more."""
        if self._next is None and self.count:
            self.count -= 1
            self._next = self.loop.submit(self._start())

    def take(self) -> AsyncKernelClient:
        """Return the client of the kernel that is ready (its manager is its `parent`) and start the one after it."""
        self.prepare()
        assert self._next is not None
        client: AsyncKernelClient = self._next.result()
        self._next = None
        self.prepare()
        return client

    def end(self, client: AsyncKernelClient) -> None:
        """End a kernel in the background: politely, then by force."""
        self._ending.append(self.loop.submit(_end(client)))

    def close(self) -> None:
        """End the kernel nobody took, and wait until all have ended."""
        if self._next is not None and self._next.exception() is None:
            self.end(self._next.result())
        self._next = None
        for ending in self._ending:
            ending.result()
        self._sockets.cleanup()

    async def _start(self) -> AsyncKernelClient:
        number = self.count
        manager = AsyncKernelManager(
            kernel_name="python3",
            transport="ipc",  # nothing listens on a network
            ip=f"{self._sockets.name}/{number}",
            connection_file=f"{self._sockets.name}/{number}.json",
        )
        spec = manager._kernel_spec = provisioner.SPEC  # looking for it takes a fifth of a second
        manager.provisioner = provisioner.Forked(parent=manager, kernel_id=manager.kernel_id, kernel_spec=spec)
        # A kernel that is ended in the middle of a cell would write tracebacks to our terminal.
        quiet = ["--IPKernelApp.log_level=CRITICAL", "--HistoryManager.hist_file=:memory:"]
        await manager.start_kernel(cwd=str(self.folder), env=self.environment, extra_arguments=quiet)
        client: AsyncKernelClient = manager.client()
        client.start_channels()
        try:
            async with asyncio.timeout(READY):
                await provisioner.ready(client)
        except (RuntimeError, TimeoutError):
            await _end(client)
            raise RuntimeError("The kernel did not come up.") from None
        client.allow_stdin = False
        return client


async def _end(client: AsyncKernelClient) -> None:
    manager: Any = client.parent
    await manager.shutdown_kernel()
    client.stop_channels()


class WarmEngine(Engine):  # type: ignore[misc]
    """papermill's engine on a kernel that runs already."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, **options: Any) -> None:
        """Execute the notebook of `nb_man` on the kernel in `kernels`.

        `on_cell` is told before every code cell, `on_update` the text of an output that a cell has changed since, such
        as a progress line.
        """
        kernels: Kernels = options["kernels"]
        nb_man.nb.metadata.papermill.pop("input_path")  # the whole notebook once more
        on_cell = options["on_cell"]
        kernel = kernels.take()

        async def tell(cell: Any, cell_index: int) -> None:
            if cell.cell_type == "code":
                on_cell(cell_index)

        client = _Client(
            nb_man,
            km=kernel.parent,
            kernel_name=kernel_name,
            timeout=None,
            on_cell_start=tell,
            log_output=False,
            coalesce_streams=True,
        )
        client.kc, client.on_update = kernel, options["on_update"]
        try:
            kernels.loop.wait_for(_execute(client))
        finally:
            atexit.unregister(client._cleanup_kernel)  # nbclient leaves it behind for a kernel it did not start
            kernels.end(kernel)


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """Passes on what a cell says while it runs."""

    on_update: Callable[[str], None]

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Process a message of the kernel."""
        is_update = msg["msg_type"] == "update_display_data"
        text = msg["content"]["data"].get("text/plain") if is_update else None
        if text and "\n" not in text:  # a line of progress, not something shown anew
            self.on_update(text)
        return super().process_message(msg, cell, cell_index)


async def _execute(client: PapermillNotebookClient) -> None:
    """Do what PapermillNotebookClient.execute does, on the loop the kernel belongs to; prose is passed over."""
    client.reset_execution_trackers()
    async with client.async_setup_kernel():
        for index, cell in enumerate(client.nb.cells):
            if cell.cell_type != "code":
                continue
            with _unsaved(client.nb_man):
                client.nb_man.cell_start(cell, index)
            drafted = _draft(client.nb_man)
            try:
                try:
                    await NotebookClient.async_execute_cell(client, cell, index)
                finally:
                    await drafted
            except CellExecutionError as error:
                client.nb_man.cell_exception(client.nb.cells[index], cell_index=index, exception=error)
                return
            finally:
                with _unsaved(client.nb_man):
                    client.nb_man.cell_complete(client.nb.cells[index], cell_index=index)


def _draft(nb_man: NotebookExecutionManager) -> "asyncio.Future[None]":
    """Write the notebook as it stands, beside the cell that begins; its end writes it out as nbformat does."""
    text = json.dumps(nb_man.nb, ensure_ascii=False)
    return asyncio.get_running_loop().run_in_executor(None, manifest.write_whole, Path(nb_man.output_path), text)


@contextmanager
def _unsaved(nb_man: NotebookExecutionManager) -> Iterator[None]:
    """Write no file: `_draft`, or the notebook's end, does it at once."""
    path, nb_man.output_path = nb_man.output_path, None
    try:
        yield
    finally:
        nb_man.output_path = path


papermill_engines.register(ENGINE, WarmEngine)
