"""Takes one execution from assignment to ended."""

from functools import partial
from logging import getLogger

import papermill

from flowkernel.config import Config
from flowkernel.core.models import Execution, FlowKind, FlowVersion
from flowkernel.home import Home
from flowkernel.worker.kernel_manager import make_kernel_manager
from flowkernel.worker.notebook.notebook_saver import write_atomically
from flowkernel.worker.notebook.render import kernel_environment, render
from flowkernel.worker.notebook_run import NotebookRun, ending_of
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession

log = getLogger(__name__)
KERNEL_GONE = (
    "Kernel died before replying"  #: nbclient's words for one that did not start.
)


def carry_out(
    execution: Execution,
    version: FlowVersion,
    run: ExecutionSession,
    *,
    home: Home,
    config: Config,
) -> None:
    """Run it through papermill. Reports everything, its end included; raises nothing."""
    try:
        _papermill(execution, version, run, home=home, config=config)
    except BaseException as error:
        if run.ending is None:
            run.end(_explained(error, execution, run))
        if not isinstance(error, Exception | KeyboardInterrupt):
            raise
    if run.ending is None and not run.is_dropped:
        log.error("%s came to no end", execution.execution_id)
        run.end(ending_of(RuntimeError("the worker lost track of it"), run))


def _papermill(
    execution: Execution,
    version: FlowVersion,
    run: ExecutionSession,
    *,
    home: Home,
    config: Config,
) -> None:
    rendered = render(version, execution)
    manager = make_kernel_manager(execution.environment, execution.flow_name, config)
    assert execution.notebook_path is not None
    path = home.path / execution.notebook_path
    work = NotebookRun(
        execution=execution,
        run=run,
        save_every=config.save_every,
        stream_limit=config.stream_characters,
        write=partial(write_atomically, path=path),
        script=version.path if version.kind is FlowKind.SCRIPT else None,
        manager=manager,
        cwd=execution.environment.cwd,
    )
    papermill.execute_notebook(
        rendered.notebook,
        None,  # Our own way of saving is in `work`.
        parameters=rendered.parameters or None,
        engine_name="flowkernel",
        kernel_name=rendered.kernel_name,
        progress_bar=False,
        start_timeout=config.kernel_start,
        timeout_func=lambda _cell: execution.cell_timeout,
        flowkernel_work=work,
    )


def _explained(
    error: BaseException, execution: Execution, run: ExecutionSession
) -> ExecutionEnd:
    """The ending for a kernel that did not start, or whatever else went wrong around it."""
    ending = ending_of(error, run)
    if isinstance(error, RuntimeError | TimeoutError) and KERNEL_GONE in str(error):
        where = kernel_environment(execution.environment)
        python = execution.environment.interpreter or "python"
        advice = f"Is ipykernel installed there? ({python} -m pip install ipykernel)"
        return ExecutionEnd(
            status=ending.status,
            message=f"The kernel of {execution.flow_name!r} did not start with {where}. "
            f"{advice}",
        )
    return ending
