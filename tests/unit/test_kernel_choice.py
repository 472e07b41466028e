"""A kernel for one run: by a name of Jupyter, by one of conda, or by a folder."""

import json
import os
import sys
import venv
from pathlib import Path

import pytest

from flowkernel.client.flow_source import kernel_field
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Environment
from flowkernel.kernels import kernel_choice
from flowkernel.kernels.conda_environments import conda_kernels
from flowkernel.kernels.kernel_choice import choose_kernel
from flowkernel.kernels.kernelspecs import FlowKernelSpecManager
from flowkernel.kernels.python_environment import has_ipykernel

HERE = Environment(interpreter=sys.executable, prefix=sys.prefix, cwd="/work")
LAUNCH = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]


def install(folder, name, argv, **parts):
    """Install a kernelspec in a folder of kernels."""
    target = Path(folder) / "kernels" / name
    target.mkdir(parents=True)
    record = {"argv": argv, "display_name": name, "language": "python", **parts}
    (target / "kernel.json").write_text(json.dumps(record))


def make_python(prefix):
    """A folder that has a Python."""
    python = Path(prefix) / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return str(python)


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with the kernelspecs `other` and `bash`, and a conda with `stats`."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "ada")
    for name in ("CONDA_PREFIX", "MAMBA_EXE", "MAMBA_ROOT_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CONDA_EXE", str(tmp_path / "conda" / "bin" / "conda"))
    monkeypatch.setattr(kernel_choice, "has_ipykernel", lambda _python: True)
    install(tmp_path / "jupyter", "other", ["/opt/other/bin/python", *LAUNCH])
    install(tmp_path / "jupyter", "bash", ["bash", "-x"], language="bash")
    for prefix in (tmp_path / "conda", tmp_path / "conda" / "envs" / "stats"):
        make_python(prefix)
        (prefix / "conda-meta").mkdir()
        install(prefix / "share" / "jupyter", "python3", ["python", *LAUNCH])
    install(
        tmp_path / "conda/envs/stats/share/jupyter", "ir", ["R", "-e"], language="R"
    )


def spec(environment):
    """The kernelspec that a worker starts for it."""
    specs = FlowKernelSpecManager(environment, kernel_choice.Config(), is_notebook=True)
    return specs.get_kernel_spec(environment.kernel_name)


def test_a_kernelspec_by_its_name():
    chosen = choose_kernel("other", HERE)

    assert chosen.language == "python"
    assert chosen.environment == Environment(
        interpreter="/opt/other/bin/python",
        kernel_name="other",
        prefix=sys.prefix,
        cwd="/work",
        is_chosen=True,
    )
    assert spec(chosen.environment).argv[0] == "/opt/other/bin/python"


def test_a_kernel_of_another_language_keeps_the_python_of_the_flow():
    chosen = choose_kernel("bash", HERE)

    assert (chosen.language, chosen.environment.interpreter) == ("bash", sys.executable)
    assert spec(chosen.environment).argv == ["bash", "-x"]


def test_python3_is_the_one_that_jupyter_starts(tmp_path):
    install(tmp_path / "jupyter", "python3", ["/opt/mine/bin/python", *LAUNCH])

    chosen = choose_kernel("python3", HERE)

    assert chosen.environment.interpreter == "/opt/mine/bin/python"
    assert spec(chosen.environment).argv[0] == "/opt/mine/bin/python"


@pytest.mark.parametrize("path", ["venv", "venv/bin/python"])
def test_the_folder_of_an_environment_or_its_python(tmp_path, path):
    python = make_python(tmp_path / "venv")

    environment = choose_kernel(str(tmp_path / path), HERE).environment

    assert environment.interpreter == python
    assert environment.prefix == environment.kernel_name == str(tmp_path / "venv")
    assert spec(environment).argv == [python, *LAUNCH]


def test_conda_kernels_have_the_names_of_nb_conda_kernels():
    assert sorted(conda_kernels()) == [
        "conda-env-stats-py",
        "conda-env-stats-r",
        "conda-root-py",
    ]


def test_a_kernel_of_conda_starts_with_its_python_and_its_programs(tmp_path):
    environment = choose_kernel("conda-env-stats-py", HERE).environment
    prefix = tmp_path / "conda" / "envs" / "stats"

    assert environment.prefix == str(prefix)
    assert environment.interpreter == str(prefix / "bin" / "python")
    kernel = spec(environment)
    assert kernel.argv == [environment.interpreter, *LAUNCH]
    assert kernel.env["PATH"] == f"{prefix / 'bin'}:${{PATH}}"
    assert kernel.env["CONDA_DEFAULT_ENV"] == "stats"
    assert kernel.display_name == "Python 3 [conda env:stats]"


def test_a_kernel_of_conda_in_another_language(tmp_path):
    chosen = choose_kernel("conda-env-stats-r", HERE)

    assert chosen.language == "r"
    assert spec(chosen.environment).argv == ["R", "-e"]


def test_a_notebook_may_name_a_kernel_of_conda(tmp_path):
    named = Environment(interpreter=sys.executable, kernel_name="conda-env-stats-py")

    assert spec(named).argv[0] == str(tmp_path / "conda/envs/stats/bin/python")


def test_environments_of_several_condas_have_names_of_their_own(tmp_path):
    listed = []
    for place in ("miniforge/envs/stats", "loose/stats"):
        prefix = tmp_path / place
        (prefix / "conda-meta").mkdir(parents=True)
        install(prefix / "share" / "jupyter", "python3", ["python"])
        listed.append(f"{prefix}\n")
    (tmp_path / "ada" / ".conda").mkdir(parents=True)
    (tmp_path / "ada" / ".conda" / "environments.txt").write_text("".join(listed))

    prefixes = {
        name: kernel.prefix.relative_to(tmp_path).as_posix()
        for name, kernel in conda_kernels().items()
    }

    assert prefixes["conda-env-stats-py"] == "conda/envs/stats"
    assert prefixes["conda-env-miniforge-stats-py"] == "miniforge/envs/stats"
    assert prefixes["conda-env-stats-2-py"] == "loose/stats"


def test_an_unknown_name_gets_the_nearest_one_and_the_list():
    with pytest.raises(BadArgument) as error:
        choose_kernel("othre", HERE)

    assert "There is no kernel 'othre'. Did you mean 'other'?" in str(error.value)
    assert str(error.value).endswith("the folder of an environment, as ./.venv.")
    assert "bash, conda-env-stats-py, conda-env-stats-r" in str(error.value)


def test_a_folder_that_is_missing_or_has_no_python(tmp_path):
    with pytest.raises(BadArgument, match="There is no folder '/nowhere/venv'"):
        choose_kernel("/nowhere/venv", HERE)
    with pytest.raises(
        BadArgument, match="is no environment of Python: it has no bin/"
    ):
        choose_kernel(str(tmp_path), HERE)


@pytest.mark.parametrize(
    ("kernel", "command"),
    [
        ("other", "/opt/other/bin/python -m pip install ipykernel"),
        ("conda-env-stats-py", "conda install -p .*/envs/stats ipykernel"),
    ],
)
def test_a_python_without_ipykernel_is_refused(monkeypatch, kernel, command):
    monkeypatch.setattr(kernel_choice, "has_ipykernel", lambda _python: False)

    with pytest.raises(BadArgument, match=f"has no ipykernel. Install it: {command}"):
        choose_kernel(kernel, HERE)


def test_a_python_that_does_not_start_is_refused(monkeypatch):
    monkeypatch.setattr(kernel_choice, "has_ipykernel", has_ipykernel)

    with pytest.raises(
        BadArgument, match="its Python '/opt/other/bin/python' does not"
    ):
        choose_kernel("other", HERE)


def test_a_python_says_itself_whether_it_has_ipykernel(tmp_path):
    assert has_ipykernel(sys.executable)
    venv.create(tmp_path / "bare", symlinks=True)
    assert not has_ipykernel(str(tmp_path / "bare" / "bin" / "python"))


@pytest.mark.parametrize("prefix", ["usr", "venv"])
def test_the_python_that_is_named_is_the_one_that_runs(tmp_path, prefix):
    make_python(tmp_path / prefix)
    python = tmp_path / prefix / "bin" / "python3.12"
    python.symlink_to(sys.executable)

    environment = choose_kernel(str(python), HERE).environment

    assert environment.interpreter == str(python)
    assert environment.prefix == str(tmp_path / prefix)
    assert spec(environment).argv == [str(python), *LAUNCH]


@pytest.mark.parametrize(("name", "mode"), [("python3", 0o644), ("deploy.sh", 0o755)])
def test_a_file_that_is_no_python_is_refused_and_not_started(tmp_path, name, mode):
    make_python(tmp_path / "venv")
    file = tmp_path / "venv" / "bin" / name
    file.write_text("#!/bin/sh\n")
    file.chmod(mode)

    with pytest.raises(BadArgument, match="is neither a folder nor a Python"):
        choose_kernel(str(file), HERE)


@pytest.fixture
def unreadable(tmp_path, monkeypatch):
    """A folder in which nothing can be looked at, for the superuser, too."""
    folder, real = str(tmp_path / "closed"), os.stat

    def stat(path, *arguments, **options):
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(folder):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", stat)
    return Path(folder) / "env"


def test_a_path_that_cannot_be_looked_at_is_refused(tmp_path, unreadable):
    for path in (str(tmp_path / ("a" * 300)), str(unreadable)):
        with pytest.raises(BadArgument, match=r"There is no folder .* may not be read"):
            choose_kernel(path, HERE)


def test_an_environment_that_cannot_be_looked_at_is_passed_over(tmp_path, unreadable):
    (tmp_path / "ada" / ".conda").mkdir(parents=True)
    listed = tmp_path / "ada" / ".conda" / "environments.txt"
    listed.write_text(f"{unreadable}\n/{'a' * 300}\n")

    assert "conda-env-stats-py" in conda_kernels()


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"argv": 3}', '{"metadata": {"kernel_provisioner": "x"}}']
)
def test_a_kernel_whose_description_is_broken_is_refused(tmp_path, text):
    install(tmp_path / "jupyter", "broken", [])
    (tmp_path / "jupyter/kernels/broken/kernel.json").write_text(text)

    with pytest.raises(BadArgument, match="The kernel 'broken' cannot be read"):
        choose_kernel("broken", HERE)


# -- what a start sends --------------------------------------------------------------------


def test_a_path_is_sent_as_an_absolute_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")

    assert kernel_field(None) == {}
    assert kernel_field("other") == {"kernel": "other"}
    assert kernel_field("./venv") == {"kernel": str(tmp_path / "venv")}
    assert kernel_field(".venv") == {"kernel": str(tmp_path / ".venv")}
    assert kernel_field("../x/") == {"kernel": str(tmp_path.parent / "x")}
    assert kernel_field("~/venv") == {"kernel": "/home/ada/venv"}


def test_the_folder_of_a_user_that_does_not_exist_is_refused():
    with pytest.raises(BadArgument, match="'~nosuch/env' is no kernel: its user"):
        kernel_field("~nosuch/env")


@pytest.mark.parametrize("value", [3, "", " ", ["rbf"]])
def test_a_kernel_that_is_no_text_may_be_meant_as_an_input(value):
    with pytest.raises(BadArgument, match=r"goes in inputs=\{"):
        kernel_field(value)


def test_what_was_recorded_before_has_no_new_field():
    assert "is_chosen" not in HERE.to_json()
    assert Environment.from_json(HERE.to_json()) == HERE
