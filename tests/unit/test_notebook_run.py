"""What a person's own papermill records of its run: what it can, and never more."""

import math
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_client.kernelspec import NoSuchKernel
from papermill.engines import papermill_engines

from flowkernel.config import Config
from flowkernel.core.errors import EnvironmentGone
from flowkernel.core.models import FlowKind, FlowVersion
from flowkernel.home import Home
from flowkernel.worker import kernel_manager, notebook_run
from flowkernel.worker.assignment import Assignment
from flowkernel.worker.notebook_executor import NotebookExecutor, save_own
from flowkernel.worker.notebook_run import end_after_error
from flowkernel.worker.papermill_engine import FlowkernelEngine, register_as_default
from flowkernel.worker.reporting.engine_link import EngineLink
from tests.records import an_execution

NOT_CANCELLED = SimpleNamespace(is_cancelled=False)


def parameters(**values):
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.papermill = {"parameters": values}
    return notebook_run._parameters(notebook)


def test_a_notebook_that_another_worker_has_is_not_saved(tmp_path):
    notebook, path = nbformat.v4.new_notebook(), tmp_path / "out.ipynb"

    save_own(notebook, session=SimpleNamespace(is_dropped=True), path=path)
    assert not path.exists()

    save_own(notebook, session=SimpleNamespace(is_dropped=False), path=path)
    assert path.exists()


def test_parameters_that_are_no_json_are_recorded_as_their_text():
    values = {"n": 1, "rate": math.nan, "most": -math.inf, "where": complex(1, 2)}

    assert parameters(**values) == {
        **{"n": 1, "rate": "nan", "most": "-inf", "where": "(1+2j)"},
    }


def test_parameters_that_are_too_large_are_not_recorded(caplog):
    assert parameters(text="x" * 2_000_000) == {}
    assert "the parameters are not recorded" in caplog.text


@pytest.mark.parametrize("metadata", [{}, {"papermill": None}, {"papermill": {}}])
def test_a_notebook_without_parameters_has_none(metadata):
    assert notebook_run._parameters(nbformat.v4.new_notebook(metadata=metadata)) == {}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("reports/daily.ipynb", "daily"),
        ("x" * 200 + ".ipynb", "x" * 128),
        ("a\nb\\c.ipynb", "a_b_c"),
        ("\udcff.ipynb", "\\udcff".replace("\\", "_")),
        (" .ipynb", "notebook"),
        (None, "notebook"),
        (nbformat.v4.new_notebook(), "notebook"),
    ],
)
def test_a_run_has_the_name_of_its_file_as_far_as_it_can_be_one(path, name):
    assert notebook_run._flow_name({"input_path": path}) == name


def test_a_mistake_in_the_record_does_not_end_the_run(monkeypatch, caplog):
    def fail(*_arguments):
        raise TypeError("no JSON")

    monkeypatch.setattr(notebook_run, "_start_execution", fail)
    monkeypatch.setattr(EngineLink, "_send_all", lambda _self: None)
    with notebook_run.external_run(nbformat.v4.new_notebook(), None, {}) as run:
        assert not run.session.is_recorded

    assert "keeps no record of this run: TypeError: no JSON" in caplog.text


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (EnvironmentGone("The kernel is gone."), "The kernel is gone."),
        (ValueError("No kernel name found."), "ValueError: No kernel name found."),
        (
            AttributeError("outputs"),
            f"{notebook_run.OUTSIDE_CELLS} AttributeError: outputs",
        ),
    ],
)
def test_words_of_python_alone_are_no_reason(error, message):
    assert end_after_error(error, NOT_CANCELLED).message == message


class NoRoom(Exception):
    """What a test raises for papermill."""


def an_assignment(folder):
    return Assignment(
        execution=an_execution(notebook_path="notebooks/a.ipynb"),
        version=FlowVersion(
            flow_version="v1", flow_name="report", kind=FlowKind.CELL, source="1"
        ),
        session=SimpleNamespace(),
        home=Home(folder),
        config=Config(),
    )


def test_papermill_does_not_encode_the_notebook_of_a_worker_again(
    tmp_path, monkeypatch
):
    encoded, run = [], []
    monkeypatch.setattr("papermill.execute.write_ipynb", lambda *_: encoded.append(1))
    monkeypatch.setattr(
        "flowkernel.worker.papermill_engine._make_saver",
        lambda nb, _run, **_options: SimpleNamespace(nb=nb),
    )
    monkeypatch.setattr(
        FlowkernelEngine, "_execute_and_save", lambda *_, **_options: run.append(1)
    )

    NotebookExecutor().run(an_assignment(tmp_path))

    assert (run, encoded) == ([1], [])


@pytest.mark.parametrize("step", ["set_kernelspec", "papermill.execute_notebook"])
def test_a_run_that_fails_before_it_has_a_kernel_leaves_no_sockets(
    tmp_path, monkeypatch, step
):
    """Parameters that papermill cannot write, for one."""

    def fail(*_arguments, **_options):
        raise NoRoom

    folders = []
    make = kernel_manager.make_socket_folder
    monkeypatch.setattr(
        kernel_manager,
        "make_socket_folder",
        lambda: folders.append(make()) or folders[-1],
    )
    monkeypatch.setattr(f"flowkernel.worker.notebook_executor.{step}", fail)
    assignment = an_assignment(tmp_path)

    with pytest.raises(NoRoom):
        NotebookExecutor().run(assignment)

    assert [folder.exists() for folder in folders] == [False]


def test_a_papermill_of_a_person_that_gets_no_kernel_leaves_no_sockets(monkeypatch):
    made = []
    monkeypatch.setattr(
        notebook_run, "make_external_manager", lambda *names: made.append(names)
    )

    def fail(_run):
        raise NoRoom

    monkeypatch.setattr(notebook_run.NotebookRun, "_environ", fail)
    run = notebook_run.NotebookRun(
        execution=None, session=None, save_every=1, stream_limit=1, display_limit=1
    )

    with pytest.raises(NoRoom), run.kernel("python3", {}):
        pass

    assert made == []


@pytest.mark.parametrize(("value", "is_ours"), [("yes", True), ("", False)])
def test_callers_of_papermill_who_name_no_engine_get_ours_if_a_variable_says_so(
    value, is_ours, monkeypatch
):
    monkeypatch.setattr(papermill_engines, "_engines", dict(papermill_engines._engines))

    register_as_default({"FLOWKERNEL_PAPERMILL_DEFAULT": value})

    assert (papermill_engines.get_engine(None) is FlowkernelEngine) is is_ours


def test_a_kernel_that_papermill_does_not_find_is_recorded_with_those_that_there_are():
    end = end_after_error(NoSuchKernel("pyhton3"), NOT_CANCELLED)

    assert end.message.startswith(
        "There is no kernel 'pyhton3'. Did you mean 'python3'? Installed: "
    )
