"""What is asked before something is deleted for good."""

from typing import Any

import pytest

from flowkernel.cli import database_operations, execution_operations
from flowkernel.cli.confirmation import is_confirmed
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.tree import Tree
from tests.records import an_execution

S = ExecutionStatus


class Engine:
    """Counts what it is asked to delete, and deletes nothing."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def post(self, _path: str, request: dict[str, Any], **_options: Any) -> Any:
        """The counts of a prune."""
        self.requests.append(request)
        return {"executions": 43, "families": 3, "notebooks": 43, "bytes": 5}


@pytest.fixture
def engine(monkeypatch):
    """What `prune` talks to."""
    engine = Engine()
    monkeypatch.setattr(database_operations, "make_client", lambda: engine)
    return engine


@pytest.fixture
def questions(monkeypatch):
    """What a person at the terminal was asked; the answer to each is no."""
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question)
        return ""

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr(database_operations, "is_interactive", lambda: True)
    return questions


def prune(**options: Any) -> int:
    """Delete all but one; the exit code."""
    defaults = {"is_dry": False, "asks": True, "as_json": False}
    return database_operations.prune(None, 1, **{**defaults, **options})


def test_a_person_is_asked_with_numbers_and_no_deletes_nothing(engine, questions):
    assert prune() == 130

    assert questions == [
        "Delete 43 runs in 3 families, and their output notebooks, for good? [y/N] "
    ]
    assert [request["is_dry"] for request in engine.requests] == [True]


def test_yes_deletes(engine, questions, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _question: "y")

    assert prune() == 0

    assert [request["is_dry"] for request in engine.requests] == [True, False]


@pytest.mark.parametrize("options", [{"asks": False}, {"is_dry": True}])
def test_without_a_question_it_goes_ahead(options, engine, questions):
    assert prune(**options) == 0

    assert questions == []
    assert len(engine.requests) == 1


def test_without_a_terminal_nobody_is_asked(engine, questions, monkeypatch):
    monkeypatch.setattr(database_operations, "is_interactive", lambda: False)

    assert prune() == 0

    assert (questions, len(engine.requests)) == ([], 1)


def test_the_question_about_a_run_has_what_goes_with_it():
    top = an_execution(status=S.ENDED_SUCCESS, notebook_path="notebooks/a.ipynb")
    child = an_execution(status=S.ENDED_ERROR, parent_id=top.execution_id)
    adopted = an_execution(parent_id="another", adopted_by=top.execution_id)

    question = execution_operations.deletion_question(
        Tree(top.execution_id, [top, child, adopted])
    )

    assert question == (
        "Delete 'report', 1 run under it and 1 output notebook, for good?"
    )


def test_the_end_of_the_input_is_no_and_ends_the_line(monkeypatch, capsys):
    def end(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", end)

    assert not is_confirmed("Delete it?")
    assert capsys.readouterr().out == "\n"
