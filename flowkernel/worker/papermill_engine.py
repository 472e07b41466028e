"""flowkernel as an engine of papermill: the entry point `papermill.engine`.

A worker of ours uses it, and so can you: `papermill in.ipynb out.ipynb --engine flowkernel`
gives the notebook papermill would, and leaves an execution in the home. Loaded whenever
papermill is imported, so this module imports the others only where they are needed.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

import nbformat
from papermill.engines import Engine, papermill_engines
from papermill.log import logger
from papermill.utils import merge_kwargs, remove_args

#: If this environment variable is set, our engine is that of callers who name none.
DEFAULT = "FLOWKERNEL_PAPERMILL_DEFAULT"


class FlowkernelEngine(Engine):
    """Runs a notebook with papermill's client, and records every cell of it.

    papermill calls both methods; but for `notebook_run` the signatures are papermill's.
    """

    @classmethod
    def execute_notebook(
        cls,
        nb: nbformat.NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: Any = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        notebook_run: Any = None,
        **kwargs: Any,
    ) -> nbformat.NotebookNode:
        """Run it, and record it.

        Raises:
            RunIsOver: It has a `notebook_run`, from a worker of ours, and is done.
        """
        is_ours = notebook_run is not None
        context: AbstractContextManager[Any] = nullcontext(notebook_run)
        if not is_ours:
            context = _external_run(nb, output_path, kwargs)
        with context as notebook_run:
            nb_man = _make_saver(
                nb,
                notebook_run,
                output_path=output_path,
                progress_bar=progress_bar,
                log_output=log_output,
                autosave_cell_every=autosave_cell_every,
            )
            kwargs.update(log_output=log_output, notebook_run=notebook_run)
            cls._execute_and_save(nb_man, kernel_name, **kwargs)
        if is_ours:
            _leave_papermill()
        return nb_man.nb

    @classmethod
    def _execute_and_save(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> None:
        nb_man.notebook_start()
        try:
            cls.execute_managed_notebook(nb_man, kernel_name, **kwargs)
        finally:
            nb_man.cleanup_pbar()
            nb_man.notebook_complete()

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        notebook_run: Any = None,
        **kwargs: Any,
    ) -> nbformat.NotebookNode:
        """Run the cells, as papermill's own engine does."""
        traits = merge_kwargs(
            remove_args(["input_path", "timeout", "startup_timeout"], **kwargs),
            timeout=execution_timeout if execution_timeout else kwargs.get("timeout"),
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log=logger,
            log_output=log_output,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
        )
        return _run_cells(nb_man, kernel_name, notebook_run, traits)


def _leave_papermill() -> NoReturn:
    from flowkernel.worker.notebook_run import RunIsOver

    raise RunIsOver


def _external_run(
    nb: nbformat.NotebookNode, output_path: str | None, options: dict[str, Any]
) -> AbstractContextManager[Any]:
    from flowkernel.worker.notebook_run import external_run

    return external_run(nb, output_path, options)


def _make_saver(nb: nbformat.NotebookNode, notebook_run: Any, **options: Any) -> Any:
    from flowkernel.worker.notebook.decision_banner import remove_decisions
    from flowkernel.worker.notebook.notebook_saver import NotebookSaver
    from flowkernel.worker.notebook.typed_parameters import add_conversions

    if notebook_run.write is None:  # Else the worker made it, without any.
        remove_decisions(nb)
    add_conversions(nb, notebook_run.conversions)
    return NotebookSaver(
        nb, every=notebook_run.save_every, write=notebook_run.write, **options
    )


def _run_cells(
    nb_man: Any, kernel_name: str, notebook_run: Any, traits: dict[str, Any]
) -> nbformat.NotebookNode:
    from flowkernel.worker.notebook.cell_client import CellClient

    with notebook_run.kernel(kernel_name, traits) as (manager, start):
        if manager is not None:
            traits["km"] = manager
        client = CellClient(
            nb_man,
            notebook_run.session,
            execution=notebook_run.execution,
            script=notebook_run.script,
            declarations=notebook_run.declarations,
            stream_limit=notebook_run.stream_limit,
            display_limit=notebook_run.display_limit,
            **traits,
        )
        return client.execute(**start)


def register_as_default(environ: Mapping[str, str] = os.environ) -> None:
    """Run what names no engine, too, if the environment says so: Airflow names none."""
    if environ.get(DEFAULT):
        papermill_engines.register(None, FlowkernelEngine)


register_as_default()
