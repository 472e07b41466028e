"""A retry runs the source of the first try, or the current one; which one, is said."""

import json
from dataclasses import replace

import pytest

from flowkernel.cli.execution_retry import (
    _source_fields,
    parse_source,
    takes_current,
)
from flowkernel.client.current_source import (
    CurrentSource,
    content_of,
    current_source,
    path_of,
    recorded_fields,
)
from flowkernel.config import Config
from flowkernel.core.errors import BadArgument, FlowNotFound
from flowkernel.core.models import Flow, FlowKind, Wrapped
from flowkernel.core.status import ExecutionStatus, RetrySource
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import SourceRecord, StartRequest
from flowkernel.engine.wrapper_registry import WrapperUse
from flowkernel.home import Home
from flowkernel.store import Store
from tests.records import an_execution

OLD, NEW = "this.set_output(x=1)", "this.set_output(x=2)"
FLOW = Flow(name="report", kind=FlowKind.CELL, source=OLD)
FILE = SourceRecord(name="report", kind=FlowKind.SCRIPT, source=OLD, path="/report.py")
RETRY = WrapperUse(name="retry", inputs={})


@pytest.fixture
def service(tmp_path):
    with Store(":memory:") as store:
        yield Service(store, Home(tmp_path), Config())


def ended(service, **request):
    """An execution that has ended."""
    execution = service.start(StartRequest(run=False, **request))
    return service.cancel(execution.execution_id, "ann")


def source_of(service, execution):
    """The source that a retry runs; of a wrapper, that of what it runs."""
    wrapped = execution.wrapped
    if wrapped is not None and wrapped.flow is not None:
        return service.store.get_flow(wrapped.flow).source
    return service.store.get_version((wrapped or execution).flow_version).source


def retried(service, execution, source=None, file=None):
    request = StartRequest(retry_source=source, retry_file=file)
    again = service.retry(execution.execution_id, request)
    assert again.retry_of == execution.execution_id
    assert again.inputs == execution.inputs
    return again


@pytest.mark.parametrize("using", [[], [RETRY]], ids=["bare", "wrapped"])
@pytest.mark.parametrize("source", RetrySource)
def test_a_retry_of_a_registered_flow_runs_the_source_that_is_requested(
    service, using, source
):
    service.register(FLOW)
    first = ended(service, flow="report", using=using)
    service.register(replace(FLOW, source=NEW))

    again = retried(service, first, source)

    expected = {RetrySource.RECORDED: OLD, RetrySource.CURRENT: NEW}[source]
    assert source_of(service, again) == expected
    assert again.type == first.type
    assert again.name == first.name


@pytest.mark.parametrize("using", [[], [RETRY]], ids=["bare", "wrapped"])
def test_a_retry_of_a_file_runs_the_file_that_is_sent(service, using):
    first = ended(service, source=FILE, using=using, inputs={"day": "monday"})

    mended = replace(FILE, source=NEW)
    again = retried(service, first, RetrySource.CURRENT, mended)

    assert source_of(service, again) == NEW
    assert source_of(service, retried(service, first, RetrySource.RECORDED)) == OLD
    assert source_of(service, retried(service, first)) == OLD
    assert again.flow_name == first.flow_name


def test_nothing_said_is_as_it_always_was(service):
    """What a wrapper runs by its name has the source that is registered when it starts."""
    service.register(FLOW)
    bare, wrapped = (ended(service, flow="report", using=u) for u in ([], [RETRY]))
    service.register(replace(FLOW, source=NEW))

    assert source_of(service, retried(service, bare)) == OLD
    assert source_of(service, retried(service, wrapped)) == NEW


def test_a_retry_does_not_add_the_wrappers_of_the_flow(service):
    service.register(FLOW)
    first = ended(service, flow="report")
    service.register(replace(FLOW, wrappers=[RETRY.to_json()]))

    assert retried(service, first, RetrySource.CURRENT).type == "FLOW"


def test_the_current_source_of_a_flow_that_was_deleted_is_none(service):
    service.register(FLOW)
    first = ended(service, flow="report")
    service.store.delete_flow("report")

    with pytest.raises(FlowNotFound, match="no flow named 'report'"):
        retried(service, first, RetrySource.CURRENT)
    assert source_of(service, retried(service, first, RetrySource.RECORDED)) == OLD


def a_notebook(*sources, **metadata):
    cells = [{"cell_type": "code", "source": source} for source in sources]
    text = json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4})
    return {"kind": FlowKind.NOTEBOOK.value, "source": text}


def test_what_jupyter_writes_into_a_notebook_is_no_change_of_it():
    notebook = a_notebook("x = 1", ["y\n", "z"])

    assert content_of(notebook) == content_of(a_notebook("x = 1", "y\nz", a="b"))
    assert content_of(notebook) != content_of(a_notebook("x = 1", "y"))
    assert content_of(notebook) != content_of(a_notebook("x = 1", "y\nz", "new"))
    script = {"kind": "SCRIPT", "source": "x"}
    assert content_of(script) != content_of({**script, "source": "y"})


@pytest.mark.parametrize(
    ("name", "folder", "path"),
    [
        ("report", "/a", "/a/report.ipynb"),
        ("report", None, "/a/report.ipynb"),
        ("report", "/b", "/b/report.ipynb"),
        ("copy", "/a", "/a/copy.ipynb"),
    ],
)
def test_the_file_is_the_one_that_ran_not_the_first_with_its_source(name, folder, path):
    assert path_of("/a/report.ipynb", name, folder) == path


@pytest.mark.parametrize(
    ("word", "source"),
    [
        (None, None),
        ("recorded", RetrySource.RECORDED),
        ("current", RetrySource.CURRENT),
    ],
)
def test_the_words_for_a_source(word, source):
    assert parse_source(word) is source


@pytest.mark.parametrize(
    ("word", "advice"),
    [("curent", "Did you mean 'current'"), ("x", "It takes recorded or current.")],
)
def test_another_word_for_a_source_is_refused(word, advice):
    with pytest.raises(BadArgument, match=f"--source is {word!r}. {advice}"):
        parse_source(word)


class OneRun:
    """The client of an engine that has one flow version, and perhaps a flow."""

    note = None

    def __init__(self, version, flow=None):
        self._version, self._flow = version, flow

    def get(self, _path):
        return self._version

    def get_flow(self, name):
        if self._flow is None:
            raise FlowNotFound(name)
        return self._flow


def test_a_file_that_is_registered_under_another_name_is_the_flow(tmp_path):
    path = str(tmp_path / "report.py")
    version = {"kind": "SCRIPT", "source": OLD, "path": path, "setup_source": None}
    flow = replace(FLOW, name="nightly", path=path, flow_version="v2")
    client = OneRun(version, flow)

    source = current_source(client, an_execution(flow_name="nightly"))

    assert source.place == "the flow 'nightly'"
    assert source.has_changed
    assert source.retry_fields() == {"source": "current"}


@pytest.mark.parametrize("choice", [None, RetrySource.RECORDED])
def test_the_recorded_source_is_requested_though_the_flow_was_deleted(choice):
    """The engine would look for the flow by its name."""
    wrapped = Wrapped(
        flow="report", flow_name="report", flow_version="v1", name="report"
    )
    version = {"kind": "CELL", "source": OLD, "path": None, "setup_source": None}
    run = an_execution(status=ExecutionStatus.ENDED_ERROR, wrapped=wrapped)

    fields = _source_fields(OneRun(version), run, choice, is_quiet=False)

    assert fields == recorded_fields(run) == {"source": "recorded"}


def test_without_a_person_the_recorded_source_is_taken_and_that_is_said(capsys):
    assert not takes_current(CurrentSource(place="the file 'a.py'", has_changed=True))

    note = capsys.readouterr().err
    assert note.count("\n") == 1
    assert note.startswith("The file 'a.py' has changed since that run. This run takes")


@pytest.mark.parametrize(
    ("answers", "takes"),
    [(["current"], True), (["RECORDED "], False), (["", "y", "n", "current"], True)],
)
def test_a_person_is_asked_until_one_of_two_words_is_typed(answers, takes, monkeypatch):
    monkeypatch.setattr("flowkernel.cli.execution_retry.is_interactive", lambda: True)
    lines = iter(answers)
    monkeypatch.setattr("builtins.input", lambda _text: next(lines))

    source = CurrentSource(place="the flow 'report'", has_changed=True)

    assert takes_current(source) is takes
    assert list(lines) == []


def test_a_person_who_does_not_answer_starts_nothing(monkeypatch):
    def end(_text):
        raise EOFError

    monkeypatch.setattr("flowkernel.cli.execution_retry.is_interactive", lambda: True)
    monkeypatch.setattr("builtins.input", end)

    with pytest.raises(BadArgument, match="Nothing was started"):
        takes_current(CurrentSource(place="the flow 'report'", has_changed=True))
