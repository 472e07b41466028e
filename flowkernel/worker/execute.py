"""Takes one execution from its assignment to its end."""

from functools import partial
from logging import getLogger
from math import ceil

import papermill

from flowkernel.config import Config
from flowkernel.core.models import Execution, FlowKind, FlowVersion
from flowkernel.home import Home
from flowkernel.worker.kernel_manager import make_kernel_manager
from flowkernel.worker.notebook.notebook_saver import write_atomically
from flowkernel.worker.notebook.render import environment_text, render
from flowkernel.worker.notebook_run import NotebookRun, end_after_error
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession

log = getLogger(__name__)
#: nbclient's words for a kernel that did not start.
KERNEL_DIED = "Kernel died before replying"


def execute(
    execution: Execution,
    version: FlowVersion,
    session: ExecutionSession,
    *,
    home: Home,
    config: Config,
) -> None:
    """Run it through papermill. Reports everything, its end included; raises nothing."""
    try:
        _run_papermill(execution, version, session, home=home, config=config)
    except BaseException as error:
        if session.ending is None:
            session.end(_end_with_advice(error, execution, session))
        if not isinstance(error, Exception | KeyboardInterrupt):
            raise
    if session.ending is None and not session.is_dropped:
        log.error("%s came to no end", execution.execution_id)
        session.end(
            end_after_error(RuntimeError("the worker lost track of it"), session)
        )


def _run_papermill(
    execution: Execution,
    version: FlowVersion,
    session: ExecutionSession,
    *,
    home: Home,
    config: Config,
) -> None:
    rendered = render(version, execution)
    papermill.execute_notebook(
        rendered.notebook,
        None,  # `notebook_run` says how it is saved.
        parameters=rendered.parameters or None,
        engine_name="flowkernel",
        kernel_name=rendered.kernel_name,
        progress_bar=False,
        start_timeout=ceil(config.kernel_start),  # nbclient takes whole seconds.
        timeout_func=lambda _cell: execution.cell_timeout,
        notebook_run=_notebook_run(execution, version, session, home, config),
    )


def _notebook_run(
    execution: Execution,
    version: FlowVersion,
    session: ExecutionSession,
    home: Home,
    config: Config,
) -> NotebookRun:
    assert execution.notebook_path is not None
    path = home.path / execution.notebook_path
    environment = execution.environment
    return NotebookRun(
        execution=execution,
        session=session,
        save_every=config.save_every,
        stream_limit=config.stream_characters,
        display_limit=config.display_characters,
        write=partial(write_atomically, path=path),
        script=version.path if version.kind is FlowKind.SCRIPT else None,
        manager=make_kernel_manager(environment, execution.flow_name, config),
        cwd=environment.cwd,
    )


def _end_with_advice(
    error: BaseException, execution: Execution, session: ExecutionSession
) -> ExecutionEnd:
    """The end after an error outside of the cells, with advice if no kernel started."""
    ending = end_after_error(error, session)
    is_start = isinstance(error, RuntimeError | TimeoutError)
    if not (is_start and KERNEL_DIED in str(error)):
        return ending
    environment = environment_text(execution.environment)
    python = execution.environment.interpreter or "python"
    return ExecutionEnd(
        status=ending.status,
        message=f"The kernel of {execution.flow_name!r} did not start with {environment}. "
        f"Is ipykernel installed there? ({python} -m pip install ipykernel)",
    )
