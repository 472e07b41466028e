"""Which environment variables pass, which stay, and what is said of unusable ones."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.client.client import Client
from flowkernel.client.sent_variables import named_variables, start_variables
from flowkernel.config import ALL_NAMES
from flowkernel.core.errors import BadArgument, EnvironmentGone
from flowkernel.core.models import PassedVariables
from flowkernel.core.variables import (
    MAX_BYTES,
    base_environment,
    own_variables,
    passed_variables,
)
from flowkernel.engine.callers import EXECUTION
from flowkernel.environment_files import EnvironmentFiles, read_variables
from flowkernel.home import Home
from flowkernel.kernels.kernel_environment import kernel_environment, registered
from flowkernel.kernels.server_key import EARLY_NAMES, READ_EARLY

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NAMES = TEXT.filter(lambda name: name and "=" not in name)
#: What only a person's own programs are to see.
SECRETS = (
    "API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "JUPYTER_TOKEN",
    "HTTPS_PROXY",
    "PGPASSWORD",
    "LANGCHAIN_API_KEY",
    "HOMEBREW_GITHUB_API_TOKEN",
    "HOMEASSISTANT_TOKEN",
    "CONDA_TOKEN",
    "VIRTUAL_ENV_TOKEN",
)


@given(st.dictionaries(NAMES, TEXT))
def test_each_variable_reaches_the_kernel_exactly_or_is_never_passed(environ):
    sent, refused = own_variables(environ)

    kernel = kernel_environment({}, passed_variables(sent, ALL_NAMES), None)

    assert refused == []
    assert kernel == sent
    assert environ.items() >= kernel.items()


def test_what_is_no_text_is_named_and_stays():
    assert own_variables({"A": "\udce4", "B": "ä"}) == ({"B": "ä"}, ["A"])


def test_what_is_about_the_starting_process_itself_does_not_pass():
    environ = {
        "SHLVL": "1",
        "JPY_PARENT_PID": "3",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "FLOWKERNEL_SLOTS": "2",
    }

    assert own_variables(environ)[0] == {}
    assert passed_variables(environ, ["*"]) == {"MPLBACKEND": environ["MPLBACKEND"]}


def test_patterns_say_which_pass_besides_the_harmless_ones():
    sent = {"API_KEY": "k", "AWS_PROFILE": "p", "HOME": "/h", "aws_x": "x"}

    assert passed_variables(sent, ["AWS_*"]) == {"AWS_PROFILE": "p", "HOME": "/h"}
    assert passed_variables(sent, []) == {"HOME": "/h"}


def test_processes_of_ours_have_no_secret_of_who_starts_them():
    environ = dict.fromkeys((*SECRETS, "PATH", "LC_ALL", "PYTHONPATH"), "x")

    assert set(base_environment(environ)) == {"PATH", "LC_ALL", "PYTHONPATH"}


def test_a_fork_server_that_a_worker_starts_is_that_of_its_flows():
    """What a fork server reads early is the same in the worker and in a flow."""
    not_passed = {"PYDEVD", "DEBUGPY", "LD_"}
    names = [f"{prefix}X" for prefix in READ_EARLY if prefix not in not_passed]
    environ = dict.fromkeys(
        [*names, *EARLY_NAMES, "LD_PRELOAD", "LD_LIBRARY_PATH"], "x"
    )

    assert base_environment(environ) == environ


def test_too_large_an_environment_is_refused_with_its_largest_variable():
    sent = {"SMALL": "x", "LARGE": "secret" * MAX_BYTES}
    size = len("A=\0")

    with pytest.raises(BadArgument, match="'LARGE'") as refusal:
        passed_variables(sent, ["*"])

    assert "secret" not in str(refusal.value)
    assert passed_variables({"A": "x" * (MAX_BYTES - size)}, ["*"])
    with pytest.raises(BadArgument, match=f"{MAX_BYTES + 1:,} bytes"):
        passed_variables({"A": "x" * (MAX_BYTES - size + 1)}, ["*"])


def test_a_start_with_few_variables_still_finds_programs():
    base = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "FLOWKERNEL_SLOTS": "2"}

    kernel = kernel_environment(base, {"A": "b"}, None)

    assert kernel == {"A": "b", "PATH": "/bin", "HOME": "/h", "FLOWKERNEL_SLOTS": "2"}
    assert kernel_environment(base, None, None) == base


def test_the_environment_of_the_registration_is_the_active_one(tmp_path):
    """That of the person who starts it does not shadow it."""
    prefix, other = str(tmp_path), "/other"
    (tmp_path / "pyvenv.cfg").touch()
    path = os.pathsep.join([f"{other}/bin", "/usr/bin"])

    variables = registered({"PATH": path, "VIRTUAL_ENV": other}, prefix)

    assert variables["VIRTUAL_ENV"] == prefix
    assert variables["PATH"] == os.pathsep.join([f"{prefix}/bin", "/usr/bin"])
    assert registered(variables, prefix) == variables


def test_one_file_has_each_environment_until_nothing_refers_to_it(tmp_path):
    home = Home(tmp_path)
    files = EnvironmentFiles(home, b"key")
    with files.held({"A": "1"}) as first, files.held({"A": "1"}) as second:
        files.remove_unused(set)
        assert read_variables(home, first, "f") == {"A": "1"}
    with files.held({"A": "2"}) as third:
        pass
    assert (first.file, first.names) == (second.file, ["A"])

    files.remove_unused(lambda: {third.file})

    assert [path.stem for path in home.environment.iterdir()] == [third.file]
    with pytest.raises(EnvironmentGone, match=r"'f' was started .*A"):
        read_variables(home, first, "f")
    with files.held({"A": "1"}) as again:
        assert read_variables(home, again, "f") == {"A": "1"}


def test_the_name_of_a_file_says_nothing_without_the_key(tmp_path):
    with (
        EnvironmentFiles(Home(tmp_path), b"one").held({"A": "1"}) as first,
        EnvironmentFiles(Home(tmp_path), b"two").held({"A": "1"}) as second,
    ):
        assert first.file != second.file


def test_what_a_killed_engine_left_is_removed_by_the_next(tmp_path):
    home = Home(tmp_path)
    with EnvironmentFiles(home, b"key").held({"A": "1"}) as passed:
        (home.environment / "half.new").touch()

    EnvironmentFiles(home, b"key").remove_unused(set)

    assert list(home.environment.iterdir()) == []
    assert passed.to_json() == {"file": passed.file, "names": ["A"]}
    assert PassedVariables(file="f").to_json() == {"file": "f"}


def test_a_start_names_variables_of_its_own():
    environ = {"API_KEY": "k", "B": "b"}

    named = named_variables(["API_KEY", "B=x=y", "C="], environ)

    assert named == {"API_KEY": "k", "B": "x=y", "C": ""}
    fields = start_variables(named, is_person=True)
    assert fields["environ_names"] == ["API_KEY", "B", "C"]
    assert fields["environ"].items() >= named.items()
    assert passed_variables(fields["environ"], ["API_KEY", "[B]"])["B"] == "x=y"
    with pytest.raises(BadArgument, match=r"-e API_KY.* Did you mean 'API_KEY'\?"):
        named_variables(["API_KY"], environ)
    with pytest.raises(BadArgument, match="'FLOWKERNEL_SLOTS' is never passed on"):
        start_variables({"FLOWKERNEL_SLOTS": "1"}, is_person=True)


def test_a_flow_names_no_variables(tmp_path):
    client = Client(Home(tmp_path), token=f"{EXECUTION}x")

    assert client.own_environ() == {}
    with pytest.raises(BadArgument, match="sees the environment variables of its root"):
        client.own_environ({"A": "b"})


def test_what_one_start_names_passes_for_that_start_alone(tmp_path):
    files, sent = EnvironmentFiles(Home(tmp_path), b"key"), {"A": "1", "B": "2"}

    with files.held(sent, ["A"]) as first, files.held(sent, ["A", "B"]) as second:
        assert (first.names, second.names) == (["A"], ["A", "B"])
