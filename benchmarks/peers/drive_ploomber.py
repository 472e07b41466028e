"""Ploomber: a DAG of notebooks under its Parallel executor."""

from pathlib import Path

from ploomber import DAG
from ploomber.executors import Parallel
from ploomber.products import File
from ploomber.tasks import NotebookRunner
from serve import seconds, serve


def run_many(path, folder, count, processes, executor):
    Path(folder).mkdir(exist_ok=True)

    def work():
        dag = DAG(executor=Parallel(processes=processes, print_progress=False))
        for number in range(count):
            NotebookRunner(
                Path(path),
                product=File(str(Path(folder) / f"{number}.ipynb")),
                dag=dag,
                name=f"notebook-{number}",
                params={"n": number},
                executor=executor,
                executor_params={"progress_bar": False},
                static_analysis="disable",
            )
        dag.build(force=True, show_progress=False)

    return seconds(work)


serve(["ploomber", "ploomber-engine", "papermill", "ipykernel"], run_many=run_many)
