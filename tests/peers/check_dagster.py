"""An op of Dagster that runs a notebook through papermill with our engine."""

import papermill
from common import printed, recorded, write_notebook
from dagster import job, op

PATH = write_notebook()


@op
def daily() -> str:
    papermill.execute_notebook(
        PATH, "out.ipynb", parameters={"day": "monday"}, engine_name="flowkernel"
    )
    return printed("out.ipynb")


@job
def sales() -> None:
    daily()


result = sales.execute_in_process()

assert result.success
assert result.output_for_node("daily") == "sales of monday\n"
assert recorded() == [("ENDED_SUCCESS", {"day": "monday"})], recorded()
