"""Each attempt at an execution has an output notebook of its own, and all are found again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.core.clock import new_id
from flowkernel.engine.notebook_paths import (
    first_path,
    notebook_path,
    paths_of_attempts,
)
from tests.records import an_execution

names = st.text(max_size=60) | st.just(f"copy of {new_id()}-2.ipynb") | st.just("x-7")
losses = st.integers(0, 200)


def path_of(execution_id, name, count):
    return notebook_path(an_execution(execution_id, name=name, losses=count))


def test_the_first_attempt_has_the_path_that_it_always_had():
    execution = an_execution(name="sales of monday")

    path = f"notebooks/2026-01/sales_of_monday-{execution.execution_id}.ipynb"
    assert notebook_path(execution) == path


@settings(max_examples=30)
@given(names, names, losses, losses)
def test_two_notebooks_share_a_file_only_if_it_is_the_same_attempt(a, b, first, second):
    id_, other = new_id(), new_id()

    assert (path_of(id_, a, first) == path_of(id_, a, second)) == (first == second)
    assert path_of(id_, a, first) != path_of(other, b, second)
    assert first_path(path_of(id_, a, first)) == path_of(id_, a, 0)
    assert first_path(path_of(id_, a, first)) != first_path(path_of(other, b, second))


def test_the_attempts_of_one_execution_are_found_and_no_others(tmp_path):
    id_, other = new_id(), new_id()
    folder = tmp_path / "notebooks" / "2026-01"
    folder.mkdir(parents=True)
    own = [path_of(id_, "report", count) for count in (0, 1, 11)]
    others = [path_of(other, "report", 1), path_of(id_, "copy", 1)]
    others += [f"{own[0]}-2.ipynb", own[0].replace(".ipynb", "-x.ipynb")]
    for path in own + others:
        (tmp_path / path).touch()

    assert sorted(paths_of_attempts(tmp_path, own[-1])) == sorted(own)
    assert paths_of_attempts(tmp_path, own[0]) == own[:1]


def test_a_notebook_of_papermill_itself_has_no_other_attempts(tmp_path):
    path = str(tmp_path / "notebooks" / f"a-{new_id()}-2.ipynb")

    assert paths_of_attempts(tmp_path, path) == [path]


def test_a_folder_that_is_gone_has_no_attempts(tmp_path):
    assert paths_of_attempts(tmp_path, path_of(new_id(), "report", 1)) == []
