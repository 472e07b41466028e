"""Every setting: where it comes from, and the error for a wrong one."""

import re
from dataclasses import fields

import pytest

from flowkernel.config import FILE, PREFIX, Config, load_config, misspelled_variables
from flowkernel.core.errors import BadArgument

WRONG = {int: ["x", "1.5", "-1", "", "nan"], float: ["x", "-0.1", "nan", "inf", "-inf"]}


@pytest.fixture
def write_file(tmp_path):
    """Write the file of settings."""
    return (tmp_path / FILE).write_text


def test_without_a_file_the_defaults_count(tmp_path):
    assert load_config(tmp_path, environ={}) == Config()


def test_an_argument_overrides_the_environment_and_that_the_file(tmp_path, write_file):
    write_file("slots = 1\nport = 1\nmax_depth = 1")
    environ = {"FLOWKERNEL_SLOTS": "2", "FLOWKERNEL_PORT": "2"}

    config = load_config(tmp_path, environ=environ, slots=3)

    assert (config.slots, config.port, config.max_depth) == (3, 2, 1)


@pytest.mark.parametrize("name", [item.name for item in fields(Config)])
def test_every_setting_can_be_set_by_its_variable(tmp_path, name):
    kind = type(getattr(Config(), name))
    text, value = {
        "memory": ("1GB", "1GB"),
        "kernel": ("plain", "plain"),
        "preload": ("numpy, os.path", ("numpy", "os.path")),
        "pass_environment": ("AWS_*, API_KEY", ("AWS_*", "API_KEY")),
    }.get(name) or {str: ("x", "x"), int: ("7", 7), float: ("7.5", 7.5)}[kind]

    config = load_config(tmp_path, environ={f"FLOWKERNEL_{name.upper()}": text})

    assert getattr(config, name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (item.name, value)
        for item in fields(Config)
        for value in WRONG.get(item.type, [])
        if value
    ],
)
def test_the_error_for_a_wrong_value_names_its_variable(tmp_path, name, value):
    variable = f"FLOWKERNEL_{name.upper()}"

    with pytest.raises(
        BadArgument, match=f"^`{name}` is {value!r} in {variable}; .* The default is"
    ):
        load_config(tmp_path, environ={variable: value})


@pytest.mark.parametrize(
    "line",
    [
        "slots = 2.5",
        "slots = true",
        "slots = [1]",
        "slots = {}",
        "lease = nan",
        "memory = 5",
        "kernel = 'warm'",
        "kernel = true",
        "preload = 5",
        "preload = [1]",
        "preload = ['import os']",
        "ready_kernels = -1",
        "parked_hours = 1e8",
    ],
)
def test_the_error_for_a_wrong_value_names_its_file(tmp_path, write_file, line):
    write_file(line)

    with pytest.raises(BadArgument, match=f"in {re.escape(str(tmp_path / FILE))}; "):
        load_config(tmp_path, environ={})


def test_how_kernels_start_can_be_set_in_the_file(tmp_path, write_file):
    write_file("kernel = 'plain'\npreload = ['numpy', 'os.path']\nready_kernels = 0")

    config = load_config(tmp_path, environ={})

    assert (config.kernel, config.ready_kernels) == ("plain", 0)
    assert config.preload == ("numpy", "os.path")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("FLOWKERNEL_KERNEL", "warm", "'fork' or 'plain'. The default is 'fork'"),
        ("FLOWKERNEL_PRELOAD", "numpy;pandas", "names of modules, such as ['numpy', "),
        ("FLOWKERNEL_READY_KERNELS", "two", "a whole number of 0 or more"),
        ("FLOWKERNEL_PARKED_HOURS", "1e8", "a number from 0 to 876,600. The default"),
    ],
)
def test_wrong_settings_of_kernels(tmp_path, variable, value, words):
    with pytest.raises(BadArgument, match=re.escape(words)):
        load_config(tmp_path, environ={variable: value})


def test_the_error_for_an_unknown_name_lists_the_settings(tmp_path, write_file):
    write_file("slotz = 1")

    with pytest.raises(
        BadArgument, match=r"sets 'slotz', which is not a setting.*: .*slots"
    ):
        load_config(tmp_path, environ={})


@pytest.mark.parametrize("content", [b"= [", b"slots =", b"\xff"])
def test_a_file_that_is_not_toml(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)

    with pytest.raises(
        BadArgument, match=r"is not valid TOML: .*Correct or remove it\."
    ):
        load_config(tmp_path, environ={})


def test_a_folder_in_place_of_the_file(tmp_path):
    (tmp_path / FILE).mkdir()

    with pytest.raises(
        BadArgument, match=r"cannot be read: is a directory\. Correct or remove"
    ):
        load_config(tmp_path, environ={})


def test_a_variable_that_is_empty_is_not_set(tmp_path):
    assert load_config(tmp_path, environ={"FLOWKERNEL_SLOTS": ""}) == Config()


def test_by_default_there_is_a_slot_for_each_core():
    assert Config(slots=3).slot_count == 3
    assert Config().slot_count >= 1


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("FLOWKERNEL_SLOT", "FLOWKERNEL_SLOTS"),
        ("FLOWKERNEL_IDLEEXIT", "FLOWKERNEL_IDLE_EXIT"),
        ("FLOWKERNEL_slots", "FLOWKERNEL_SLOTS"),
        ("FLOWKERNEL_HOMES", "FLOWKERNEL_HOME"),
    ],
)
def test_a_misspelled_variable_is_found_with_the_nearest_name(name, setting):
    assert misspelled_variables({name: "3", "PATH": "/"}) == [(name, setting)]


def test_a_variable_that_is_known_or_like_none_is_no_mistake():
    known = dict.fromkeys((PREFIX + f.name.upper() for f in fields(Config)), "1")
    others = ("HOME", "EXECUTION_ID", "EXECUTION_TOKEN", "TEST_EXAMPLES", "STEPS")

    environ = {**known, **{PREFIX + name: "x" for name in others}, "SLOT": "1"}

    assert misspelled_variables(environ) == []
