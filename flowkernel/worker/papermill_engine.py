"""flowkernel as an engine of papermill: the entry point `papermill.engine`.

A worker of ours uses it, and so does anyone: `papermill in.ipynb out.ipynb --engine
flowkernel` gives the notebook papermill would, and leaves an execution in the home. Loaded
whenever papermill is imported, so nothing here does more than define.
"""

from contextlib import nullcontext
from typing import Any

import nbformat
from papermill.engines import Engine
from papermill.log import logger
from papermill.utils import merge_kwargs, remove_args


class FlowkernelEngine(Engine):
    """Runs a notebook with papermill's client, and records every cell of it."""

    @classmethod
    def execute_notebook(
        cls,
        nb: nbformat.NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: Any = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        flowkernel_work: Any = None,
        **kwargs: Any,
    ) -> nbformat.NotebookNode:
        """Run it. `flowkernel_work` is what our own worker passes in."""
        from flowkernel.worker.notebook.notebook_saver import NotebookSaver
        from flowkernel.worker.notebook_run import adopted

        ours = nullcontext(flowkernel_work)
        with (
            ours
            if flowkernel_work is not None
            else adopted(nb, output_path, kwargs) as work
        ):
            nb_man = NotebookSaver(
                nb,
                every=work.save_every,
                write=work.write,
                output_path=output_path,
                progress_bar=progress_bar,
                log_output=log_output,
                autosave_cell_every=autosave_cell_every,
            )
            nb_man.notebook_start()
            try:
                cls.execute_managed_notebook(
                    nb_man, kernel_name, log_output=log_output, work=work, **kwargs
                )
            finally:
                nb_man.cleanup_pbar()
                nb_man.notebook_complete()
        return nb_man.nb

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
        work: Any = None,
        **kwargs: Any,
    ) -> nbformat.NotebookNode:
        """Run the cells, as papermill's own engine does."""
        from flowkernel.worker.notebook.cell_client import CellClient

        kwargs = remove_args(["input_path"], **kwargs)
        traits = merge_kwargs(
            remove_args(["timeout", "startup_timeout"], **kwargs),
            timeout=execution_timeout if execution_timeout else kwargs.get("timeout"),
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log=logger,
            log_output=log_output,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
        )
        with work.kernel(kernel_name, traits) as (manager, start):
            if manager is not None:
                traits["km"] = manager
            client = CellClient(
                nb_man,
                work.run,
                execution=work.execution,
                script=work.script,
                stream_limit=work.stream_limit,
                **traits,
            )
            return client.execute(**start)
