"""What a flow reports of itself leaves no value behind that its notebook would show."""

import pytest
from IPython.core.formatters import DisplayFormatter

from flowkernel.flow_api import Execution
from flowkernel.flow_api.execution import Execution as ExecutionClass


class Engine:
    """Takes every request, as an engine would."""

    def __init__(self):
        self.requests = []

    def post(self, path, body):
        self.requests.append((path, body))

    def request(self, method, path, body):
        self.requests.append((path, body))


@pytest.fixture
def engine():
    return Engine()


REPORTS = {
    "set_output": lambda this: this.set_output(rows=3),
    "log": lambda this: this.log("read", rows=3),
    "save": lambda this: this.save(name="monday"),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_a_cell_that_ends_with_a_report_shows_nothing(engine, report):
    this = Execution(engine, "e", {"status": "RUNNING"})

    result = report(this)

    assert DisplayFormatter().format(result) == ({}, {})
    assert isinstance(result, ExecutionClass)
    assert result.execution_id == "e"


def test_reports_can_be_chained(engine):
    this = Execution(engine, "e", {"status": "RUNNING"})

    this.set_output(rows=3).log("read").set_output(days=1)

    outputs = [b["output"] for path, b in engine.requests if path.endswith("/output")]
    assert outputs == [{"rows": 3}, {"days": 1}]
