"""Runs as comma-separated values: what a person sees in a list, for a spreadsheet. Pure.

All that is recorded is in the JSON.
"""

from flowkernel.core.models import Execution, Json
from flowkernel.display.outcome_text import intervention_text

#: The columns that are those of the record: ids, moments in ISO 8601, and text.
RECORDED = (
    *("created_at", "started_at", "ended_at"),
    *("execution_id", "parent_id", "root_id", "retry_of", "started_by"),
    "notebook_path",
)
#: All columns, in their order.
COLUMNS = (
    *("name", "flow", "status", "interventions", "message"),
    *("work_seconds", "answer_seconds"),
    *RECORDED,
)


def csv_record(execution: Execution) -> dict[str, Json]:
    """One run by column. Seconds are numbers.

    `flow`: of a wrapper in a list, the flow that it runs. Below the top of a tree it is the
    wrapper's own, for the rows of a tree do not say what it runs.
    """
    record = execution.to_json()
    return {
        "name": execution.name,
        "flow": (execution.wrapped or execution).flow_name,
        "status": execution.status.label,
        "interventions": intervention_text(execution),
        "message": execution.status_message,
        "work_seconds": execution.work_seconds,
        "answer_seconds": execution.answer_seconds,
        **{name: record[name] for name in RECORDED},
    }
