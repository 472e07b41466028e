"""Which commands a fork server can replace, and which kernels share a fork server."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.kernels.server_key import (
    PRESENCE_ONLY,
    KernelCommand,
    forkable_command,
    site_packages,
)

PYTHON = "/usr/bin/python3"
COMMAND = KernelCommand(PYTHON, (), ())
FILE = ("-f", "/run/kernel.json")


def argv(*words):
    return [PYTHON, *words]


@pytest.mark.parametrize(
    ("words", "flags", "arguments"),
    [
        (("-m", "ipykernel_launcher", *FILE), (), ()),
        (("-m", "ipykernel", *FILE), (), ()),
        (("-Xfrozen_modules=off", "-m", "ipykernel_launcher", *FILE),
         ("-Xfrozen_modules=off",), ()),
        (("-I", "-u", "-m", "ipykernel_launcher", *FILE, "--debug"), ("-I", "-u"),
         ("--debug",)),
        (("-m", "ipykernel_launcher", "--a=1", *FILE, "--b=2"), (), ("--a=1", "--b=2")),
    ],
)  # fmt: skip
def test_kernels_of_python_can_be_forked(words, flags, arguments):
    command = forkable_command(argv(*words), ("numpy",))

    assert command == KernelCommand(PYTHON, flags, arguments, ("numpy",))


@pytest.mark.parametrize(
    "words",
    [
        [],
        [PYTHON],
        ["python", "-m", "ipykernel_launcher", *FILE],
        ["./python", "-m", "ipykernel_launcher", *FILE],
        [PYTHON, "-m", "ipykernel_launcher"],
        [PYTHON, "-m", "ipykernel_launcher", "-f"],
        [PYTHON, "-m"],
        [PYTHON, "-m", "xeus_python", *FILE],
        [PYTHON, "-m", "cProfile", "-m", "ipykernel_launcher", *FILE],
        [PYTHON, "-X", "dev", "-m", "ipykernel_launcher", *FILE],
        [PYTHON, "script.py", "-m", "ipykernel_launcher", *FILE],
        ["/usr/bin/env", "python", "-m", "ipykernel_launcher", *FILE],
        ["/usr/bin/R", "--slave", "-e", "IRkernel::main()", "--args", *FILE],
    ],
)
def test_other_commands_cannot(words):
    assert forkable_command(words) is None


@given(st.lists(st.text()))
def test_any_command_is_one_or_the_other(words):
    command = forkable_command(words)

    assert command is None or command.interpreter == words[0]


environs = st.dictionaries(st.text(min_size=1), st.text(), max_size=5)


@given(environs)
def test_the_same_gives_the_same_key(environ):
    reordered = dict(reversed(environ.items()))

    assert COMMAND.key(environ, "/here") == COMMAND.key(reordered, "/here")


@pytest.mark.parametrize(
    "name", ["FLOWKERNEL_EXECUTION_ID", "JPY_SESSION_NAME", "PWD", "X"]
)
def test_what_a_fork_can_change_makes_no_difference(name):
    assert COMMAND.key({name: "1"}, "/a") == COMMAND.key({name: "2"}, "/b")


@pytest.mark.parametrize(
    "name",
    ["PYTHONPATH", "PYTHONHASHSEED", "LD_PRELOAD", "LC_ALL", "LANG", "HOME", "IPYTHONDIR",
     "OMP_NUM_THREADS", "MPLBACKEND", "VIRTUAL_ENV", "NUMPY_X", PRESENCE_ONLY],
)  # fmt: skip
def test_what_is_read_before_a_kernel_is_taken_makes_a_difference(name):
    command = KernelCommand(PYTHON, (), (), ("numpy.random",))

    assert command.key({name: "1"}, "/") != command.key({}, "/")


def test_the_value_of_the_pytest_variable_makes_none():
    assert COMMAND.key({PRESENCE_ONLY: "a"}, "/") == COMMAND.key(
        {PRESENCE_ONLY: "b"}, "/"
    )


def test_an_environment_of_python_that_is_its_own_makes_none():
    command = KernelCommand("/here/.venv/bin/python", (), ())

    assert command.key({"VIRTUAL_ENV": "/here/.venv"}, "/") == command.key({}, "/")
    assert command.key({"VIRTUAL_ENV": "/other"}, "/") != command.key({}, "/")
    assert command.key({"VIRTUAL_ENV": ""}, "/") != command.key({}, "/")


def test_the_folder_counts_if_a_path_is_relative():
    absolute, relative = {"PYTHONPATH": "/lib"}, {"PYTHONPATH": "lib:/lib"}

    assert COMMAND.key(absolute, "/a") == COMMAND.key(absolute, "/b")
    assert COMMAND.key(relative, "/a") != COMMAND.key(relative, "/b")


@pytest.mark.parametrize(
    "other",
    [
        KernelCommand("/opt/python", (), ()),
        KernelCommand(PYTHON, ("-u",), ()),
        KernelCommand(PYTHON, (), ("--debug",)),
        KernelCommand(PYTHON, (), (), ("numpy",)),
    ],
)
def test_another_command_has_another_key(other):
    assert other.key({}, "/") != COMMAND.key({}, "/")


def test_another_inherited_state_has_another_key():
    assert COMMAND.key({}, "/", ["here"]) != COMMAND.key({}, "/", ["there"])


def test_a_package_that_is_installed_changes_the_key(tmp_path):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    command = KernelCommand(str(tmp_path / "bin" / "python"), (), ())
    previous = command.key({}, "/")

    (packages / "new").mkdir()

    assert command.key({}, "/") != previous


def test_this_python_has_packages():
    assert Path(pytest.__file__).parents[1] in site_packages(sys.executable)


def test_text_that_is_no_unicode_has_a_key():
    assert COMMAND.key({"LANG": "\udcff"}, "/\udcff")
