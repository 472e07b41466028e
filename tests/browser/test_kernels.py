"""Clicks while a cell runs, with each ipykernel that does it in its own way.

6.31 reads clicks in the thread that runs cells; 7.0 and 7.3 read them in another one, and the
page may send them to a subshell; 7.4 sends them back to the thread that runs cells.
"""

import json
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import open_notebook, run_all
from tests.browser.families import press, prompt_in, write_family

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

VERSIONS = ("6.31.0", "7.0.1", "7.3.0", "7.4.0")


@pytest.fixture(params=VERSIONS)
def kernel(request, lab, tmp_path):
    """A kernel with that ipykernel, in an environment of its own."""
    version = request.param
    python = make_environment(tmp_path / "environment", f"ipykernel=={version}")
    assert version_of(python) == version
    name, display_name = f"ipykernel-{version}", f"ipykernel {version}"
    spec = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": display_name,
        "language": "python",
    }
    place = lab.data / "kernels" / name
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(spec))
    return name, display_name


def make_environment(folder: Path, requirement: str) -> Path:
    """An environment with one package of its own; the rest is ours. Its Python."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    [own] = folder.glob("lib/python*/site-packages")
    ours = [
        f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()
    ]
    (own / "ours.pth").write_text("\n".join(ours))
    words = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--ignore-installed",
    ]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            *words,
            requirement,
        ],
        check=True,
    )
    return python


def version_of(python: Path) -> str:
    code = "import ipykernel; print(ipykernel.__version__)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.strip()


def test_a_prompt_is_answered_in_the_cell_that_runs(page, lab, kernel):
    _, display_name = kernel
    name = "".join(c if c.isalnum() else "_" for c in display_name)
    counter = write_family(lab.root, name, kernel=kernel)
    notebook = open_notebook(page, lab, f"{name}.ipynb", kernel=display_name)
    run_all(page)
    prompt = prompt_in(notebook, f"{name}_cells")

    prompt.get_by_label("Cell 2 of 3").fill("amount = 4\ntotal = price * amount")
    press(prompt, "Retry cell")

    expect(notebook).to_contain_text("the parent says {'total': 12}", timeout=60_000)
    assert counter.read_text() == "x"
