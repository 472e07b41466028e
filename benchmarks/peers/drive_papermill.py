"""papermill and nbclient through their API, imported once, without a progress bar."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import nbformat
import papermill
from nbclient import NotebookClient
from serve import seconds, serve

kernels = []
pools = []


def execute(path, output, parameters, **options):
    papermill.execute_notebook(path, output, parameters, progress_bar=False, **options)


def run(path, output, parameters, **options):
    return seconds(partial(execute, path, output, parameters, **options))


def run_nbclient(path, output):
    def work():
        notebook = nbformat.read(path, 4)
        NotebookClient(notebook).execute()
        nbformat.write(notebook, output)

    return seconds(work)


def one_of_many(path, folder, number):
    execute(path, str(Path(folder) / f"{number}.ipynb"), {"n": number})


def run_many(path, folder, count, processes):
    Path(folder).mkdir(exist_ok=True)
    if not pools:  # Its processes have imported papermill, and stay.
        pools.append(
            ProcessPoolExecutor(processes, multiprocessing.get_context("fork"))
        )
    return seconds(
        lambda: list(pools[0].map(partial(one_of_many, path, folder), range(count)))
    )


def start_kernels(count):
    from jupyter_client import KernelManager

    for _ in range(count):
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(extra_arguments=["--HistoryManager.hist_file=:memory:"])
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        client.execute("print(1)", reply=True, timeout=60)
        client.stop_channels()
        kernels.append(manager)
    return [manager.provisioner.process.pid for manager in kernels]


def stop_kernels():
    while kernels:
        kernels.pop().shutdown_kernel(now=True)


serve(
    ["papermill", "nbclient", "ipykernel", "jupyter_client"],
    run=run,
    run_nbclient=run_nbclient,
    run_many=run_many,
    start_kernels=start_kernels,
    stop_kernels=stop_kernels,
)
