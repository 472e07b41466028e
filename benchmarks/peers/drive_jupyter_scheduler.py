"""jupyter-scheduler: its database with so many jobs, as its own models write them."""

import time

from jupyter_scheduler.models import Status
from jupyter_scheduler.orm import Job, create_session, create_tables
from serve import serve

HOUR = 3_600_000  # In milliseconds.


def make_jobs(database, count):
    url = f"sqlite:///{database}"
    create_tables(url)
    now = int(time.time() * 1000)
    with create_session(url)() as session:
        for number in range(count):
            moment = now - number * HOUR
            status = Status.FAILED if number % 37 == 0 else Status.COMPLETED
            session.add(
                Job(
                    runtime_environment_name="python3",
                    input_filename=f"flow {number % 200}.ipynb",
                    output_formats=["ipynb"],
                    name=f"flow {number % 200}",
                    parameters={"day": "2026-01-01", "n": number},
                    status=status,
                    create_time=moment,
                    update_time=moment,
                    start_time=moment,
                    end_time=moment + 8_000,
                )
            )
        session.commit()
    return count


serve(["jupyter_scheduler", "jupyterlab"], make_jobs=make_jobs)
