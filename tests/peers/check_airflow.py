"""Airflow's PapermillOperator, which names no engine: one environment variable records it."""

import os

os.environ["FLOWKERNEL_PAPERMILL_DEFAULT"] = "yes"

from airflow.providers.papermill.operators.papermill import PapermillOperator
from common import printed, recorded, write_notebook

operator = PapermillOperator(
    task_id="daily",
    input_nb=write_notebook(),
    output_nb=os.path.abspath("out.ipynb"),
    parameters={"day": "monday"},
)
operator.execute({})

assert printed("out.ipynb") == "sales of monday\n"
assert recorded() == [("ENDED_SUCCESS", {"day": "monday"})], recorded()
