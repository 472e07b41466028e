"""Prefect: a server with its pages, and one flow run of many task runs."""

import atexit
import subprocess
import sys
from pathlib import Path

from prefect import flow, task
from prefect.context import get_run_context
from prefect.futures import wait
from prefect.task_runners import ThreadPoolTaskRunner
from serve import serve


@task
def step(number):
    return number


@flow(task_runner=ThreadPoolTaskRunner(max_workers=4))
def steps(count):
    futures = [step.submit(number) for number in range(count)]
    wait(futures)
    for future in futures:
        future.result()
    return str(get_run_context().flow_run.id)


def start(port):
    program = Path(sys.executable).with_name("prefect")
    words = [
        str(program),
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    server = subprocess.Popen(words, stdout=2, stderr=2)
    atexit.register(server.terminate)


def run_steps(count):
    return steps(count)


serve(["prefect"], start=start, run_steps=run_steps)
