"""Which commands a fork server can stand in for, and which kernels share one."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.kernels.server_key import (
    PRESENT,
    KernelCommand,
    recipe_of,
    site_packages,
)

PYTHON = "/usr/bin/python3"
RECIPE = KernelCommand(PYTHON, (), ())
FILE = ("-f", "/run/kernel.json")


def command(*words):
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
    recipe = recipe_of(command(*words), ("numpy",))

    assert recipe == KernelCommand(PYTHON, flags, arguments, ("numpy",))


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
    assert recipe_of(words) is None


@given(st.lists(st.text()))
def test_any_command_is_one_or_the_other(words):
    recipe = recipe_of(words)

    assert recipe is None or recipe.interpreter == words[0]


environs = st.dictionaries(st.text(min_size=1), st.text(), max_size=5)


@given(environs)
def test_the_same_gives_the_same_key(environ):
    turned = dict(reversed(environ.items()))

    assert RECIPE.key(environ, "/here") == RECIPE.key(turned, "/here")


@pytest.mark.parametrize(
    "name", ["FLOWKERNEL_EXECUTION_ID", "JPY_SESSION_NAME", "PWD", "X"]
)
def test_what_a_fork_can_take_on_makes_no_difference(name):
    assert RECIPE.key({name: "1"}, "/a") == RECIPE.key({name: "2"}, "/b")


@pytest.mark.parametrize(
    "name",
    ["PYTHONPATH", "PYTHONHASHSEED", "LD_PRELOAD", "LC_ALL", "LANG", "HOME", "IPYTHONDIR",
     "OMP_NUM_THREADS", "MPLBACKEND", "VIRTUAL_ENV", "NUMPY_X", PRESENT],
)  # fmt: skip
def test_what_is_read_before_a_kernel_is_taken_makes_a_difference(name):
    recipe = KernelCommand(PYTHON, (), (), ("numpy.random",))

    assert recipe.key({name: "1"}, "/") != recipe.key({}, "/")


def test_whose_test_it_is_makes_none():
    assert RECIPE.key({PRESENT: "a"}, "/") == RECIPE.key({PRESENT: "b"}, "/")


def test_a_folder_counts_where_a_path_begins_there():
    absolute, relative = {"PYTHONPATH": "/lib"}, {"PYTHONPATH": "lib:/lib"}

    assert RECIPE.key(absolute, "/a") == RECIPE.key(absolute, "/b")
    assert RECIPE.key(relative, "/a") != RECIPE.key(relative, "/b")


@pytest.mark.parametrize(
    "other",
    [
        KernelCommand("/opt/python", (), ()),
        KernelCommand(PYTHON, ("-u",), ()),
        KernelCommand(PYTHON, (), ("--debug",)),
        KernelCommand(PYTHON, (), (), ("numpy",)),
    ],
)
def test_another_recipe_has_another_key(other):
    assert other.key({}, "/") != RECIPE.key({}, "/")


def test_other_surroundings_have_another_key():
    assert RECIPE.key({}, "/", ["here"]) != RECIPE.key({}, "/", ["there"])


def test_a_package_that_is_installed_changes_the_key(tmp_path):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    recipe = KernelCommand(str(tmp_path / "bin" / "python"), (), ())
    before = recipe.key({}, "/")

    (packages / "new").mkdir()

    assert recipe.key({}, "/") != before


def test_this_python_has_packages():
    assert Path(pytest.__file__).parents[1] in site_packages(sys.executable)


def test_text_that_is_no_unicode_has_a_key():
    assert RECIPE.key({"LANG": "\udcff"}, "/\udcff")
