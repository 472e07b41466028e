"""From the click on *Retry cell* to the first output of the cell, beside beginning anew.

The click is what a page sends, a message over the kernel's shell channel, to a real kernel
in which `%flow_run` runs and shows the prompt; the output is heard on the engine's stream of
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
from benchmarks.ours import Ours, a_home
from flowkernel.core.models import EventKind

LABEL = "Retry cell"
PATIENCE = 60.0  #: Seconds until it is given up.


class Person:
    """Somebody at a notebook: runs a cell, sees the prompt, clicks."""

    def __init__(self, ours: Ours) -> None:
        self._ours = ours
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(env=ours.environ, cwd=str(ours.home.path))
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)
        self._client.execute_interactive("%load_ext flowkernel", timeout=PATIENCE)

    def close(self) -> None:
        """Leave."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def seconds(self, path: str) -> float:
        """One failure: from the click until the cell that failed prints."""
        heard, is_heard = [0.0], threading.Event()
        cursor = self._ours.client.get("/engine")["last_seq"]
        listening = threading.Thread(
            target=self._listen, args=(cursor, heard, is_heard)
        )
        listening.start()
        self._client.execute(f"%flow_run {path} --using interactive", allow_stdin=True)
        button = self._button()
        clicked = time.perf_counter()
        content = {"comm_id": button, "data": {"method": "custom",
            "content": {"event": "click"}}}  # fmt: skip
        message = self._client.session.msg("comm_msg", content)
        self._client.shell_channel.send(message)
        if not is_heard.wait(PATIENCE):
            raise RuntimeError("the cell that was retried printed nothing")
        listening.join()
        self._until_idle()
        return heard[0] - clicked

    def _button(self) -> str:
        """The comm of the button, once it is shown, and the kernel has said all about it."""
        found = ""
        while True:
            message = self._client.get_iopub_msg(timeout=PATIENCE)
            if message["msg_type"] == "comm_open":
                state = message["content"]["data"].get("state", {})
                if state.get("description") == LABEL:
                    found = message["content"]["comm_id"]
            elif found and message["msg_type"] == "display_data":
                return found

    def _until_idle(self) -> None:
        """The cell has ended."""
        self._client.get_shell_msg(timeout=PATIENCE)

    def _listen(self, cursor: int, heard: list[float], is_heard: Any) -> None:
        for event in self._ours.client.events(cursor):
            is_output = event is not None and event.kind is EventKind.LOGGED
            if is_output and "retried" in event.payload["text"]:
                heard[0] = time.perf_counter()
                is_heard.set()
                return


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """A click each, and a whole notebook each."""
    fails, mended = failing_once(bench.folder)
    left = bench.folder / "left.ipynb"
    peer = stack.enter_context(driver("papermill", "drive_papermill", bench))
    ours = stack.enter_context(a_home(bench))
    person = Person(ours)
    stack.callback(person.close)
    asked = {"path": str(mended), "left": str(left), "parameters": {}}
    return {
        "papermill API": lambda: peer.ask("run", **asked),
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
