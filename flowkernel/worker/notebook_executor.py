"""Carries out what is a notebook, or becomes one: through papermill, in a kernel of its own."""

import os
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import nbformat
import papermill

from flowkernel.config import Config
from flowkernel.core.models import FlowKind
from flowkernel.environment_files import read_variables
from flowkernel.kernels.kernel_environment import kernel_environment
from flowkernel.kernels.kernelspecs import NATIVE
from flowkernel.worker.assignment import Assignment
from flowkernel.worker.kernel_manager import make_kernel_manager
from flowkernel.worker.notebook.notebook_saver import write_atomically
from flowkernel.worker.notebook.render import environment_text, render
from flowkernel.worker.notebook.typed_parameters import conversions
from flowkernel.worker.notebook_run import NotebookRun, RunIsOver, end_after_error
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession

#: nbclient's words for a kernel that did not start.
KERNEL_DIED = "Kernel died before replying"


@dataclass(frozen=True, slots=True)
class NotebookExecutor:
    """Runs the notebook of an execution."""

    #: Why the kernel of one that failed is never kept; None: it may be.
    never_parks: str | None = None

    def run(self, assignment: Assignment) -> None:
        """Run it, and report it; the end too, unless it raises."""
        execution = assignment.execution
        rendered = render(assignment.version, execution)
        # papermill may fail before it asks for the kernel.
        with suppress(RunIsOver), closing(_notebook_run(assignment)) as notebook_run:
            is_chosen = bool(execution.environment.is_chosen)
            set_kernelspec(rendered.notebook, notebook_run.manager, is_chosen=is_chosen)
            papermill.execute_notebook(
                rendered.notebook,
                None,  # `notebook_run` says how it is saved.
                parameters=rendered.parameters or None,
                engine_name="flowkernel",
                kernel_name=rendered.kernel_name,
                progress_bar=False,
                # nbclient takes whole seconds.
                start_timeout=ceil(assignment.config.kernel_start),
                timeout_func=lambda _cell: execution.cell_timeout,
                notebook_run=notebook_run,
            )

    def end_after(self, error: BaseException, assignment: Assignment) -> ExecutionEnd:
        """The end after an error outside of the cells, with advice if no kernel started."""
        ending = end_after_error(error, assignment.session)
        is_start = isinstance(error, RuntimeError | TimeoutError)
        if not (is_start and KERNEL_DIED in str(error)):
            return ending
        execution = assignment.execution
        environment = environment_text(execution.environment)
        python = execution.environment.interpreter or "python"
        return ExecutionEnd(
            status=ending.status,
            message=f"The kernel of {execution.flow_name!r} did not start with "
            f"{environment}. Is ipykernel installed there? "
            f"({python} -m pip install ipykernel)",
        )

    def no_parking_reason(self, config: Config) -> str | None:
        """Why the kernel of one that failed is not kept; None: it is kept."""
        if self.never_parks is None and config.parked_kernels < 1:
            return "No kernel is kept (`parked_kernels = 0`)."
        return self.never_parks


def set_kernelspec(notebook: Any, manager: Any, *, is_chosen: bool) -> None:
    """Say in a notebook which kernel runs it; papermill writes parameters in its language.

    `is_chosen`: for this run; else the notebook has named it, but perhaps not its language.
    """
    metadata, spec = notebook.metadata, manager.kernel_spec
    own_language = metadata.get("language_info", {}).get("name")
    if is_chosen:
        name = manager.kernel_name
        metadata["kernelspec"] = {
            "name": NATIVE if os.path.isabs(name) else name,
            "display_name": spec.display_name,
            "language": spec.language,
        }
        if own_language is not None and own_language.lower() != spec.language.lower():
            del metadata["language_info"]
    elif not (own_language or metadata.kernelspec.get("language")):
        metadata.kernelspec["language"] = spec.language


def _notebook_run(assignment: Assignment) -> NotebookRun:
    execution, config = assignment.execution, assignment.config
    version, environment = assignment.version, execution.environment
    assert execution.notebook_path is not None
    path = assignment.home.path / execution.notebook_path
    environ = _environ(assignment)  # First, for it may raise: nothing is made yet.
    return NotebookRun(
        execution=execution,
        session=assignment.session,
        save_every=config.save_every,
        stream_limit=config.stream_characters,
        display_limit=config.display_characters,
        write=partial(save_own, session=assignment.session, path=path),
        declarations=version.parameters or (),
        conversions=conversions(version, execution.inputs),
        script=version.path if version.kind is FlowKind.SCRIPT else None,
        manager=make_kernel_manager(
            environment,
            execution.flow_name,
            config,
            is_notebook=version.kind is FlowKind.NOTEBOOK
            or bool(environment.is_chosen),
        ),
        cwd=environment.cwd,
        environ=environ,
    )


def save_own(
    notebook: nbformat.NotebookNode, *, session: ExecutionSession, path: Path
) -> None:
    """Save the notebook, unless another worker has the execution, and so its notebook."""
    if not session.is_dropped:
        write_atomically(notebook, path)


def _environ(assignment: Assignment) -> dict[str, str]:
    """The environment variables of the kernel.

    Raises:
        EnvironmentGone: Those with which the root was started are no longer there.
    """
    execution, values = assignment.execution, None
    if execution.variables is not None:
        values = read_variables(
            assignment.home, execution.variables, execution.flow_name
        )
    return kernel_environment(os.environ, values, execution.environment.prefix)
