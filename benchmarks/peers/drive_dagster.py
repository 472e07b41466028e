"""Dagster: an instance with one run of many steps, and its web server."""

import atexit
import subprocess
import sys
from pathlib import Path

from dagster import DagsterInstance
from dagster_steps import steps
from serve import serve

STEPS = Path(__file__).with_name("dagster_steps.py")


def run_steps():
    result = steps.execute_in_process(instance=DagsterInstance.get())
    assert result.success
    return result.run_id


def start(port):
    program = Path(sys.executable).with_name("dagster-webserver")
    words = [str(program), "-h", "127.0.0.1", "-p", str(port), "-f", str(STEPS)]
    server = subprocess.Popen(words, stdout=2, stderr=2)
    atexit.register(server.terminate)


serve(["dagster", "dagster-webserver"], run_steps=run_steps, start=start)
