"""One notebook to run: how it is saved, its kernel, and the session that reports it."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import getLogger
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import NoSuchKernel

from flowkernel.client.bare_notebook import bare_notebook
from flowkernel.client.client import Client
from flowkernel.client.engine_launcher import INTERPRETER
from flowkernel.client.flow_source import current_environment
from flowkernel.client.own_token import kernel_variables, without_tokens
from flowkernel.client.source_file import flow_name_of
from flowkernel.config import Config, load_config
from flowkernel.core.clock import new_id, now
from flowkernel.core.errors import BadValue, FlowkernelError
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Environment, Execution, FlowKind, Json
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.variables import QUIET_DEBUGGER
from flowkernel.home import VARIABLE
from flowkernel.kernels.kernelspecs import FlowKernelSpecManager, no_kernel_text
from flowkernel.worker.event_loops import thread_loop
from flowkernel.worker.kernel_manager import (
    FlowKernelManager,
    make_external_manager,
    remove_transport,
)
from flowkernel.worker.reporting.assignment_poller import AssignmentPoller
from flowkernel.worker.reporting.engine_link import EngineLink
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession
from flowkernel.worker.termination_signals import ended_by_signals

#: Worker ids begin so where a person's own papermill is the worker.
EXTERNAL_PREFIX = "papermill-"
#: Python's words for a mistake in a program, which mean nothing to who runs a notebook.
BUGS = (AssertionError, AttributeError, LookupError, NameError, TypeError)
OUTSIDE_CELLS = (
    "It failed outside of its cells: flowkernel or papermill cannot run this notebook:"
)
NO_RECORD = "flowkernel keeps no record of this run: %s"
log = getLogger(__name__)
Options = dict[str, Any]  #: The keyword arguments that papermill passes to its engine.


class RunIsOver(Exception):
    """The run of a worker is over, reported and saved.

    Raised to papermill, which would encode the whole notebook once more, for no file.
    """


@dataclass(kw_only=True)
class NotebookRun:
    """What the papermill engine needs to know besides the notebook."""

    execution: Execution
    session: ExecutionSession
    save_every: float
    stream_limit: int
    display_limit: int
    #: Saves the notebook; None: papermill saves it, where it always does.
    write: Callable[[nbformat.NotebookNode], None] | None = None
    #: Parameters that were declared besides those of the source.
    declarations: Sequence[str] = ()
    conversions: Sequence[str] = ()  #: Lines that give the inputs their types.
    script: str | None = None  #: Path of the script, which its code sees as `__file__`.
    manager: FlowKernelManager | None = None  #: None: made from the kernel's name.
    cwd: str | None = None
    #: Environment variables; None: those of this process.
    environ: dict[str, str] | None = None
    #: How kernels start that papermill asks for.
    config: Config = field(default_factory=Config)

    def close(self) -> None:
        """Remove what its manager has made, unless that was done."""
        if self.manager is not None:
            remove_transport(self.manager)

    @contextmanager
    def kernel(
        self, kernel_name: str, traits: Options
    ) -> Iterator[tuple[FlowKernelManager | None, dict[str, Any]]]:
        """The manager to use (None: the one of `traits`), and how to start its kernel."""
        start: dict[str, Any] = {"env": self._environ()}
        if self.cwd is not None:
            start["cwd"] = self.cwd
        manager = self.manager
        if manager is None and not {"km", "kernel_manager_class"} & traits.keys():
            manager = make_external_manager(kernel_name, self.config)
        try:
            yield manager, start
        finally:
            if manager is not None:
                remove_transport(manager)

    def _environ(self) -> dict[str, str]:
        home, execution_id = self.session.link.client.home, self.execution.execution_id
        variables = os.environ if self.environ is None else self.environ
        return {
            QUIET_DEBUGGER: "1",
            **without_tokens(variables),
            **kernel_variables(home, execution_id, self.session.token),
            VARIABLE: str(home.path),
            INTERPRETER: os.environ.get(INTERPRETER, sys.executable),
        }


@contextmanager
def external_run(
    nb: nbformat.NotebookNode, output_path: str | None, options: Options
) -> Iterator[NotebookRun]:
    """The run of a person's own papermill: an execution that this process reports.

    If it cannot be recorded, it runs all the same, and a warning says why.
    """
    link = EngineLink(Client(started_by="papermill"), EXTERNAL_PREFIX + new_id())
    with ended_by_signals(), _reported_run(link, nb, output_path, options) as run:
        yield run


@contextmanager
def _reported_run(
    link: EngineLink,
    nb: nbformat.NotebookNode,
    output_path: str | None,
    options: Options,
) -> Iterator[NotebookRun]:
    """The run, reported over the link until it has ended."""
    notebook_run = _start_external(link, nb, output_path, options)
    session = notebook_run.session
    poller = AssignmentPoller(link, lambda _assignment: None)
    poller.sessions[session.execution_id] = session
    if session.is_recorded:
        poller.start()
    try:
        with thread_loop():
            yield notebook_run
    except BaseException as error:
        session.end(end_after_error(error, session))
        raise
    finally:
        poller.stop()
        if not link.close():
            log.warning(
                "the engine has no record of how %s ended", session.execution_id
            )


def _start_external(
    link: EngineLink,
    nb: nbformat.NotebookNode,
    output_path: str | None,
    options: Options,
) -> NotebookRun:
    config, execution = Config(), _unrecorded_execution(_flow_name(options))
    is_recorded, token = False, None
    try:
        config = load_config(link.client.home.path)
        execution, token = _start_execution(link, nb, options)
        is_recorded = True
    except FlowkernelError as error:
        log.warning(NO_RECORD, error)
    except Exception as error:  # Whatever is wrong with the record, papermill runs it.
        log.warning(NO_RECORD, f"{type(error).__name__}: {error}", exc_info=error)
    session = ExecutionSession(
        link=link,
        execution_id=execution.execution_id,
        attempt=execution.attempt,
        log_limit=config.log_characters,
        cancel_grace=config.cancel_grace,
        notebook_path=_local_path(output_path),
        is_external=True,
        token=token,
        is_recorded=is_recorded,
    )
    return NotebookRun(
        execution=execution,
        session=session,
        save_every=config.save_every,
        stream_limit=config.stream_characters,
        display_limit=config.display_characters,
        config=config,
    )


def _start_execution(
    link: EngineLink, nb: nbformat.NotebookNode, options: Options
) -> tuple[Execution, str | None]:
    """Start an execution of the notebook in the home; this process runs it.

    Returns it and its token. From then on the link has the token of its worker.
    """
    path = _input_path(options)
    source, kernel_name = bare_notebook(json.dumps(nb, default=str), path or "notebook")
    environment = {**current_environment().to_json(), "kernel_name": kernel_name}
    request: dict[str, Any] = {
        "source": {
            "name": _flow_name(options),
            "kind": FlowKind.NOTEBOOK,
            "source": source,
            "path": path,
            "environment": environment,
        },
        "inputs": _parameters(nb),
        "worker": link.worker_id,
        "execution_id": new_id(),
        "started_by": link.client.started_by,
        **link.client.own_environ(),  # For what it starts.
    }
    record = link.client.post("/execution", request)
    if "worker_token" in record:  # An engine of an older version makes none.
        link.client.use_token(record["worker_token"])
    return Execution.from_json(record), record.get("token")


def _unrecorded_execution(name: str) -> Execution:
    """An execution that is in no home."""
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


def _input_path(options: Options) -> str | None:
    """The notebook's file, if it came from one."""
    path = options.get("input_path")
    if not isinstance(path, str | Path):
        return None
    return str(path).encode("utf-8", "backslashreplace").decode()


def _flow_name(options: Options) -> str:
    return flow_name_of(Path(_input_path(options) or ""))


def _parameters(nb: nbformat.NotebookNode) -> Json:
    """The parameters, as far as they can be recorded: papermill accepts others, too."""
    parameters = dict((nb.metadata.get("papermill") or {}).get("parameters") or {})
    try:
        inputs = {str(name): _recordable(value) for name, value in parameters.items()}
        return plain_json(inputs, "inputs")
    except FlowkernelError as error:
        log.warning("the parameters are not recorded: %s", error)
        return {}


def _recordable(value: object) -> Json:
    """The value if it is JSON; else its text, such as `nan`."""
    try:
        return plain_json(value, "a parameter")
    except BadValue:
        return str(value)


def _local_path(output_path: str | None) -> str | None:
    """Where papermill leaves the notebook, if that is a file of this machine."""
    if output_path is None or "://" in output_path or output_path == "-":
        return None
    return str(Path(output_path).absolute())


def end_after_error(error: BaseException, session: ExecutionSession) -> ExecutionEnd:
    """The end after an error outside of the cells."""
    if session.is_cancelled or isinstance(error, KeyboardInterrupt):
        return ExecutionEnd(status=ExecutionStatus.ENDED_CANCELLED)
    return ExecutionEnd(status=ExecutionStatus.ENDED_ERROR, message=_sentence(error))


def _sentence(error: BaseException) -> str:
    """What went wrong, for people."""
    if isinstance(error, FlowkernelError):
        return str(error)
    if isinstance(error, NoSuchKernel):  # Of a person's own papermill.
        specs = FlowKernelSpecManager(Environment(), Config())
        return no_kernel_text(error.name, specs.known_names())
    sentence = f"{type(error).__name__}: {error}"
    return f"{OUTSIDE_CELLS} {sentence}" if isinstance(error, BUGS) else sentence
