"""Whatever goes wrong while a kernel is silent, its cell comes to an end."""

import asyncio
import errno
from types import SimpleNamespace

import nbformat
import pytest
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient

from flowkernel.core.redaction import BUILT_IN
from flowkernel.worker.notebook import kernel_listener
from flowkernel.worker.notebook.kernel_listener import KernelListener
from flowkernel.worker.notebook.notebook_saver import NotebookSaver

#: Seconds, until a cell that should have ended counts as one that never ends.
PATIENCE = 5.0


class SilentKernel:
    """A kernel with a cell that neither prints nor ends; it lives while `life` has answers."""

    def __init__(self, life):
        self._life = iter(life)
        self.shell_channel = self.iopub_channel = self.socket = self

    async def get_msg(self, **_options):
        await asyncio.get_running_loop().create_future()

    def is_alive(self):
        answer = next(self._life)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def execute(self, _source, **_options):
        return "request"

    def kernel_info(self):
        """Wakes it."""

    def get(self, _option):
        """Looks for messages."""


def fail(error):
    def call(*_arguments):
        raise error

    return call


@pytest.fixture
def listener_to(monkeypatch):
    """A function that makes what listens to a kernel, whose notebook `write` saves."""
    monkeypatch.setattr(kernel_listener, "ALIVE_SECONDS", 0.0)

    def make(kernel, write=lambda _notebook: None, **traits):
        log = []
        session = SimpleNamespace(
            log=lambda _stream, text: log.append(text),
            redaction=BUILT_IN,
            is_stopping=False,
            seconds_since_stop=-1.0,
            parks=False,
            cancel_grace=0.0,
            answer_time_since=fail(RuntimeError("can't start new thread")),
        )
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
        notebook.metadata["papermill"] = {}
        saver = NotebookSaver(notebook, every=0.0, write=write, progress_bar=False)
        limits = {"stream_limit": 10, "display_limit": 10}
        listener = KernelListener(saver, session, **limits, **traits)
        listener.kc, listener.log_lines = kernel, log
        return listener

    return make


def run_cell(listener):
    cell = listener.nb.cells[0]
    listener.begin_cell(cell, 0)
    listener.nb_man.save()
    execute = PapermillNotebookClient.async_execute_cell(listener, cell, 0)

    async def wait():
        task = asyncio.ensure_future(execute)
        await asyncio.wait([task], timeout=PATIENCE)
        assert task.done(), "the cell does not end"
        await task

    asyncio.run(wait())


def test_an_error_in_the_watch_over_a_kernel_is_the_error_of_its_cell(listener_to):
    listener = listener_to(SilentKernel([True, OSError(errno.EMFILE, "no file")]))

    with pytest.raises(OSError, match="no file"):
        run_cell(listener)


def test_a_time_limit_that_cannot_be_checked_ends_the_cell(listener_to):
    kernel = SilentKernel(iter(lambda: True, None))
    listener = listener_to(kernel, timeout_func=lambda _cell: 1e-9)

    with pytest.raises(RuntimeError, match="can't start new thread"):
        run_cell(listener)


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES, errno.EROFS])
def test_a_kernel_that_dies_while_its_notebook_cannot_be_saved_is_seen(
    listener_to, number
):
    write = fail(OSError(number, "no save"))
    listener = listener_to(SilentKernel([True, True, False]), write)

    with pytest.raises(DeadKernelError):
        run_cell(listener)

    [line] = listener.log_lines
    assert "cannot be saved now" in line
    assert "no save" in line


def test_the_next_cell_does_not_end_with_the_error_of_the_one_before(listener_to):
    listener = listener_to(SilentKernel([ValueError("first"), False]))
    with pytest.raises(ValueError, match="first"):
        run_cell(listener)

    with pytest.raises(DeadKernelError):
        run_cell(listener)
