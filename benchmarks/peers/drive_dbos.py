"""DBOS on SQLite, in this process: workflows of one step, asked for by many threads."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS, DBOSClient
from serve import seconds, serve

FILE = os.environ["DBOS_FILE"]
URL = f"sqlite:///{FILE}"
# One write and one sync for each commit, where the default journal needs several. What
# is committed survives a loss of power: `synchronous` stays FULL, as SQLite has it.
sqlite3.connect(FILE).execute("PRAGMA journal_mode=" + os.environ["DBOS_JOURNAL"])
DBOS(
    config={
        "name": "benchmark",
        "system_database_url": URL,
        "run_admin_server": False,
        "log_level": "ERROR",
    }
)


@DBOS.step()
def step(n):
    return n + 1


@DBOS.workflow()
def workflow(n):
    return step(n)


DBOS.launch()
client = DBOSClient(system_database_url=URL)


def enqueue(n):
    return client.enqueue({"workflow_name": "workflow", "queue_name": "nobody's"}, n)


def start(n):
    return DBOS.start_workflow(workflow, n)


def accept(verb, count, callers):
    """Seconds until the last one was acknowledged; then wait for what was started."""
    function = {"enqueue": enqueue, "start": start}[verb]
    with ThreadPoolExecutor(callers) as threads:
        handles = []
        duration = seconds(lambda: handles.extend(threads.map(function, range(count))))
        if verb == "start":
            for handle in handles:
                handle.get_result()
    return duration


serve(["dbos", "sqlalchemy"], accept=accept)
DBOS.destroy()
