"""One notebook to run: how it is saved, in which kernel it runs, and who hears of it."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import getLogger
from pathlib import Path
from typing import Any

import nbformat

from flowkernel.client.client import Client
from flowkernel.client.engine_launcher import EXECUTION, INTERPRETER
from flowkernel.client.flow_source import bare_notebook, current_environment
from flowkernel.config import Config, load_config
from flowkernel.core.clock import new_id, now
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Execution, FlowKind, Json
from flowkernel.core.status import ExecutionStatus
from flowkernel.home import VARIABLE
from flowkernel.worker.kernel_manager import (
    FlowKernelManager,
    named_manager,
    remove_transport,
)
from flowkernel.worker.reporting.assignment_poller import AssignmentPoller
from flowkernel.worker.reporting.engine_link import EngineLink
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession

EXTERNAL = "papermill-"
log = getLogger(__name__)


@dataclass(kw_only=True)
class NotebookRun:
    """What the papermill engine needs to know besides the notebook."""

    execution: Execution
    run: ExecutionSession
    save_every: float
    stream_limit: int
    write: Callable[[nbformat.NotebookNode], None] | None = (
        None  #: None: as papermill does.
    )
    script: str | None = None  #: Path of the script, which its code sees as `__file__`.
    manager: FlowKernelManager | None = None  #: None: made from the kernel's name.
    cwd: str | None = None
    config: Config = field(
        default_factory=Config
    )  #: How kernels start that papermill asks for.

    @contextmanager
    def kernel(
        self, kernel_name: str, traits: dict[str, Any]
    ) -> Iterator[tuple[FlowKernelManager | None, dict[str, Any]]]:
        """The manager to use (None: the one of `traits`), and how to start its kernel."""
        manager = self.manager
        if manager is None and not {"km", "kernel_manager_class"} & traits.keys():
            manager = named_manager(kernel_name, self.config)
        start: dict[str, Any] = {"env": self._environ()}
        if self.cwd is not None:
            start["cwd"] = self.cwd
        try:
            yield manager, start
        finally:
            if manager is not None:
                remove_transport(manager)

    def _environ(self) -> dict[str, str]:
        return {
            **os.environ,
            VARIABLE: str(self.run.link.client.home.path),
            EXECUTION + "_ID": self.execution.execution_id,
            INTERPRETER: os.environ.get(INTERPRETER, sys.executable),
        }


@contextmanager
def adopted(
    nb: nbformat.NotebookNode, output_path: str | None, kwargs: dict[str, Any]
) -> Iterator[NotebookRun]:
    """Work for somebody's own papermill: an execution of its own, reported from here.

    If it cannot be recorded, it runs all the same, and a warning says why.
    """
    client = Client(started_by="papermill")
    link = EngineLink(client, EXTERNAL + new_id())
    config, execution, is_recorded = Config(), _nowhere(_name(kwargs)), False
    try:
        config = load_config(client.home.path)
        execution = _recorded(link, nb, kwargs)
        is_recorded = True
    except FlowkernelError as error:
        log.warning("flowkernel keeps no record of this run: %s", error)
    run = ExecutionSession(
        link=link,
        execution_id=execution.execution_id,
        log_limit=config.log_characters,
        cancel_grace=config.cancel_grace,
        notebook_path=_local(output_path),
        is_ours=False,
        is_recorded=is_recorded,
    )
    orders = AssignmentPoller(link, lambda _assignment: None)
    orders.runs[execution.execution_id] = run
    if is_recorded:
        orders.listen()
    try:
        yield NotebookRun(
            execution=execution,
            run=run,
            save_every=config.save_every,
            stream_limit=config.stream_characters,
            config=config,
        )
    except BaseException as error:
        run.end(ending_of(error, run))
        raise
    finally:
        orders.stop()
        if not link.close():
            log.warning("the engine did not hear how %s ended", execution.execution_id)


def _recorded(
    link: EngineLink, nb: nbformat.NotebookNode, kwargs: dict[str, Any]
) -> Execution:
    """The execution in the home."""
    path = _path(kwargs)
    source, kernel_name = bare_notebook(nbformat.writes(nb), path or "notebook")
    environment = {**current_environment().to_json(), "kernel_name": kernel_name}
    request: dict[str, Any] = {
        "source": {
            "name": _name(kwargs),
            "kind": FlowKind.NOTEBOOK,
            "source": source,
            "path": path,
            "environment": environment,
        },
        "inputs": _inputs(nb),
        "worker": link.worker_id,
    }
    return link.client.start(request)


def _nowhere(name: str) -> Execution:
    """An execution that no home knows."""
    execution_id = new_id()
    return Execution(
        execution_id=execution_id,
        root_id=execution_id,
        type="FLOW",
        flow_name=name,
        flow_version="",
        name=name,
        status=ExecutionStatus.RUNNING,
        created_at=now(),
    )


def _path(kwargs: dict[str, Any]) -> str | None:
    """The notebook's file, if it came from one."""
    given = kwargs.get("input_path")
    return str(given) if isinstance(given, str | Path) else None


def _name(kwargs: dict[str, Any]) -> str:
    path = _path(kwargs)
    return (Path(path).stem if path else "") or "notebook"


def _inputs(nb: nbformat.NotebookNode) -> Json:
    try:
        return plain_json(
            dict(nb.metadata.get("papermill", {}).get("parameters", {})), "inputs"
        )
    except FlowkernelError as error:  # papermill took them: they are its to judge.
        log.warning("the parameters are not recorded: %s", error)
        return {}


def _local(output_path: str | None) -> str | None:
    """Where papermill leaves the notebook, if that is a file of this machine."""
    if output_path is None or "://" in output_path or output_path == "-":
        return None
    return str(Path(output_path).absolute())


def ending_of(error: BaseException, run: ExecutionSession) -> ExecutionEnd:
    """The ending for something that broke outside of any cell."""
    if run.is_cancelled or isinstance(error, KeyboardInterrupt):
        return ExecutionEnd(status=ExecutionStatus.ENDED_CANCELLED)
    said = (
        str(error)
        if isinstance(error, FlowkernelError)
        else f"{type(error).__name__}: {error}"
    )
    return ExecutionEnd(status=ExecutionStatus.ENDED_ERROR, message=said)
