"""Prefect with a local server: one flow, whose tasks call papermill."""

from pathlib import Path

import papermill
from prefect import flow, task
from prefect.futures import wait
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from serve import seconds, serve

RUNNERS = {"threads": ThreadPoolTaskRunner, "processes": ProcessPoolTaskRunner}


@task
def notebook(path, output, number):
    papermill.execute_notebook(path, output, {"n": number}, progress_bar=False)


@flow
def family(path, folder, count):
    futures = [
        notebook.submit(path, str(Path(folder) / f"{number}.ipynb"), number)
        for number in range(count)
    ]
    wait(futures)
    for future in futures:
        future.result()


def run_many(path, folder, count, processes, runner):
    Path(folder).mkdir(exist_ok=True)
    limited = family.with_options(task_runner=RUNNERS[runner](max_workers=processes))
    return seconds(lambda: limited(path, folder, count))


if __name__ == "__main__":  # Its processes import this file once more.
    serve(["prefect", "papermill", "ipykernel"], run_many=run_many)
