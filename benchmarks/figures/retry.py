"""From the click on *Retry cell* to the first output of the cell, beside a new start.

The click is what a page sends, a message over the kernel's shell channel, to a real kernel
in which `%flow_run` runs and shows the prompt; the output comes from the engine's stream of
events. Between the two are that kernel, the engine, the wrapper's kernel, the worker and the
live kernel. papermill, whose kernel ends with the failure, runs the same notebook from its
start, mended: its first cell takes a second, as an expensive one would take more.
"""

import threading
import time
from contextlib import ExitStack
from typing import Any

from jupyter_client.manager import KernelManager

from benchmarks.environments import driver
from benchmarks.harness import Bench, Claim, Figure, Reading, Side
from benchmarks.notebooks import failing_once
from benchmarks.running_engine import RunningEngine, running_engine
from flowkernel.core.models import EventKind

LABEL = "Retry cell"
TIMEOUT = 60.0  #: Seconds.


class Person:
    """A person at a notebook: runs a cell, sees the prompt, clicks."""

    def __init__(self, engine: RunningEngine) -> None:
        self._engine = engine
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(env=engine.environ, cwd=str(engine.home.path))
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=TIMEOUT)
        self._client.execute_interactive("%load_ext flowkernel", timeout=TIMEOUT)

    def close(self) -> None:
        """Stop the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def seconds(self, path: str) -> float:
        """One failure: from the click until the cell that failed prints."""
        moments, is_printed = [0.0], threading.Event()
        cursor = self._engine.client.get("/engine")["last_seq"]
        listener = threading.Thread(
            target=self._listen, args=(cursor, moments, is_printed)
        )
        listener.start()
        self._client.execute(f"%flow_run {path} --using interactive", allow_stdin=True)
        button = self._button()
        clicked_at = time.perf_counter()
        content = {"comm_id": button, "data": {"method": "custom",
            "content": {"event": "click"}}}  # fmt: skip
        message = self._client.session.msg("comm_msg", content)
        self._client.shell_channel.send(message)
        if not is_printed.wait(TIMEOUT):
            raise RuntimeError("the cell that was retried printed nothing")
        listener.join()
        self._until_idle()
        return moments[0] - clicked_at

    def _button(self) -> str:
        """The id of the button's comm, once the button is displayed."""
        comm_id = ""
        while True:
            message = self._client.get_iopub_msg(timeout=TIMEOUT)
            if message["msg_type"] == "comm_open":
                state = message["content"]["data"].get("state", {})
                if state.get("description") == LABEL:
                    comm_id = message["content"]["comm_id"]
            elif comm_id and message["msg_type"] == "display_data":
                return comm_id

    def _until_idle(self) -> None:
        """Wait until the cell has ended."""
        self._client.get_shell_msg(timeout=TIMEOUT)

    def _listen(self, cursor: int, moments: list[float], is_printed: Any) -> None:
        for event in self._engine.client.events(cursor):
            is_output = event is not None and event.kind is EventKind.LOGGED
            if is_output and "retried" in event.payload["text"]:
                moments[0] = time.perf_counter()
                is_printed.set()
                return


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """A click each, and a whole notebook each."""
    fails, mended = failing_once(bench.folder)
    output = bench.folder / "output.ipynb"
    peer = stack.enter_context(driver("papermill", "drive_papermill", bench))
    engine = stack.enter_context(running_engine(bench))
    person = Person(engine)
    stack.callback(person.close)
    arguments = {"path": str(mended), "output": str(output), "parameters": {}}
    return {
        "papermill API": lambda: peer.call("run", **arguments),
        "flowkernel": lambda: person.seconds(str(fails)),
    }


FIGURE = Figure(
    name="retry",
    title="From a click on Retry cell to the first output of the cell",
    unit="s",
    claims=(
        Claim(us="flowkernel", reading=Reading.ALONE, at_least=0.150),
        Claim(us="flowkernel", peer="papermill API"),
    ),
    sides=sides,
)
