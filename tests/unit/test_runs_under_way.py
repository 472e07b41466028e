"""The runs under way that a notebook started: how it is known, and how they are named."""

import pytest

from flowkernel.client.starter_name import LONGEST, notebook_suffix, starter_name
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.home import Home
from flowkernel.magics import runs_under_way
from flowkernel.magics.runs_under_way import NAMED, name_runs, run_lines
from tests.records import NOON, an_execution


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / ".flowkernel")


class HomeOnly:
    """A client of a home."""

    def __init__(self, home):
        self.home = home


def test_a_run_has_the_notebook_that_started_it_from_the_folder_of_the_home(
    home, tmp_path
):
    environ = {"JPY_SESSION_NAME": str(tmp_path / "reports" / "a b.ipynb")}

    name = starter_name("notebook", home, environ)

    assert name.endswith(" (notebook, reports/a b.ipynb)")
    assert notebook_suffix(home, environ) == ", reports/a b.ipynb"


@pytest.mark.parametrize(
    ("session", "suffix"),
    [
        ("/elsewhere/x.ipynb", ", /elsewhere/x.ipynb"),
        ("7c0f2b1e-a-uuid", ""),  # Of an older Jupyter server.
        ("/a\udcff/x.ipynb", ""),  # It is no text, and cannot be sent.
        (f"/{'x' * LONGEST}.ipynb", ""),
        ("", ""),
    ],
)
def test_a_notebook_that_cannot_be_named_is_left_out(home, session, suffix):
    name = starter_name("Python", home, {"JPY_SESSION_NAME": session})

    assert name.endswith(f" (Python{suffix})")
    assert len(name) <= LONGEST


def named(client, capsys, monkeypatch, records, notebook="x.ipynb"):
    """What is written, if the engine replies with these records."""
    monkeypatch.setattr(runs_under_way, "quick_get", lambda _client, _path: records)
    monkeypatch.setenv("JPY_SESSION_NAME", str(client.home.path.parent / notebook))
    name_runs(client)
    return capsys.readouterr().out.splitlines()


def test_those_of_this_notebook_are_named_and_no_others(home, capsys, monkeypatch):
    places = ("notebook, x.ipynb", "Python, x.ipynb", "notebook, y.ipynb", "notebook")
    records = [
        an_execution(f"run{n}", started_by=f"ada ({place})").to_json()
        for n, place in enumerate(places)
    ]

    lines = named(HomeOnly(home), capsys, monkeypatch, records)

    assert lines == [
        f"This notebook started 'report', which is running: %execution run{n} shows it."
        for n in range(2)
    ]


@pytest.mark.parametrize("records", [None, []])
def test_without_an_engine_and_without_runs_nothing_is_said(
    home, capsys, monkeypatch, records
):
    assert named(HomeOnly(home), capsys, monkeypatch, records) == []


def test_a_notebook_that_is_not_known_asks_nothing(home, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delattr(runs_under_way, "quick_get")

    name_runs(HomeOnly(home))


def test_it_is_said_how_each_is_seen_and_how_many_more_there_are():
    runs = [
        an_execution("asks", S.WAITING, waiting_since=NOON, name="a\nb"),
        an_execution("recorded", S.PENDING),
        *(an_execution(f"r{n}", S.QUEUED) for n in range(NAMED + 1)),
    ]

    lines = list(run_lines(runs))

    assert lines[0] == (
        "This notebook started 'a b', which waits for a person: "
        "%execution asks shows it, %inbox what it asks."
    )
    assert "which is queued" in lines[1]
    assert lines[-1] == "And 2 more: %executions --running lists them."
    assert len(lines) == NAMED + 1
