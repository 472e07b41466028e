"""`tests/all`: every part is run, whatever became of the others."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ALL = Path(__file__).parents[1] / "all"
SUCCEED, FAIL = ["python", "-c", ""], ["python", "-c", "raise SystemExit(3)"]


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ALL))


@pytest.fixture
def run_parts(script, capfd):
    """Run parts in this environment; the exit code, and what was printed."""

    def run_parts(**parts):
        environment = script["Environment"].of(Path(sys.executable))
        code = script["run_parts"](parts, environment)
        return code, capfd.readouterr().out

    return run_parts


def test_parts_after_one_that_failed_are_run_and_the_failed_are_named(run_parts):
    code, printed = run_parts(first=[FAIL], second=[SUCCEED], third=[SUCCEED, FAIL])

    assert code == 1
    assert [line.split()[:2] for line in printed.splitlines() if line[:3] == "   "] == [
        ["first", "FAILED"],
        ["second", "ok"],
        ["third", "FAILED"],
    ]
    assert printed.splitlines()[-1] == "== failed: first, third"


def test_all_parts_that_succeed_are_success(run_parts):
    code, printed = run_parts(first=[SUCCEED], second=[SUCCEED, SUCCEED])

    assert code == 0
    assert printed.splitlines()[-1] == "== all is well: first second"


def test_a_part_that_is_not_there_is_refused_before_anything_is_installed():
    done = subprocess.run([ALL, "lint", "slow"], capture_output=True, text=True)

    assert done.returncode == 2
    assert "there is no part 'slow'; there are: lint, types" in done.stderr


def test_a_python_that_is_missing_is_a_clear_sentence():
    done = subprocess.run(
        [sys.executable, ALL, "--python", "3.1", "lint"], capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "No part was run" in done.stderr
    assert "3.1" in done.stderr


def test_what_installs_much_runs_only_if_it_is_named(script):
    assert script["ON_REQUEST"] <= set(script["PARTS"])
    assert "peers" in script["ON_REQUEST"]
