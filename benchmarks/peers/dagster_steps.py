"""A job of Dagster with so many steps as `STEPS` says, none of which needs another one."""

import os

from dagster import Definitions, in_process_executor, job, op


@op
def step():
    return 1


@job(executor_def=in_process_executor)
def steps():
    for number in range(int(os.environ["STEPS"])):
        step.alias(f"step_{number}")()


definitions = Definitions(jobs=[steps])
