"""The short way of `flowkernel run` understands what the long one does, or nothing."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowkernel.cli.command_line import app
from flowkernel.cli.quick import run_arguments

WORDS = st.sampled_from(
    [
        *("report", "a.ipynb", "-p", "--parameter", "day=2026-01-01", "n=-1", "--name"),
        *("--no-wait", "--json", "--help", "--", "-x", "--name=n", "-pn=1", "--js", ""),
        *('--using={"name": "retry", "inputs": {}}', "--interactive"),
    ]
)


@pytest.fixture
def long_way(monkeypatch):
    """What the parser of all commands would call `run` with; None: it would not."""
    import flowkernel.cli.run_command as running

    called = []

    def run(target, pairs, **more):
        called.append({"target": target, "pairs": pairs, **more})
        return 0

    monkeypatch.setattr(running, "run", run)

    def ask(words):
        called.clear()
        try:
            app(args=words, prog_name="flowkernel", standalone_mode=False)
        except Exception:
            return None
        return called[0] if called else None

    return ask


@given(st.lists(WORDS, max_size=6))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=40,
)
def test_what_the_short_way_understands_the_long_one_understands_so_too(
    long_way, words
):
    short = run_arguments(["run", *words])

    assert short is None or short == long_way(["run", *words])


@pytest.mark.parametrize(
    "words",
    [
        ["run", "report"],
        ["run", "report", "-p", "day=1", "-p", "n=2", "--name", "x", "--json"],
        ["run", "--no-wait", "a.ipynb"],
    ],
)
def test_plain_words_go_the_short_way(long_way, words):
    assert run_arguments(words) == long_way(words) is not None


@pytest.mark.parametrize("words", [["run"], ["run", "--help"], ["flow", "list"], []])
def test_the_rest_goes_the_long_way(words):
    assert run_arguments(words) is None
