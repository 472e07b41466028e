"""What a person's own papermill records of its run: what it can, and never more."""

import math
from types import SimpleNamespace

import nbformat
import pytest

from flowkernel.core.errors import EnvironmentGone
from flowkernel.worker import notebook_run
from flowkernel.worker.notebook_executor import save_own
from flowkernel.worker.notebook_run import end_after_error
from flowkernel.worker.reporting.engine_link import EngineLink

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
