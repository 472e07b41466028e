"""The examples of the tutorial, the how-to and the wrappers run, in the order of the page.

A block in ```python is a notebook cell, one in ```bash is a shell script, one in ```sql a
question; `fails` behind the language means that it is meant to. Everything else is shown.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import flowkernel
from flowkernel.core.errors import FlowkernelError
from flowkernel.home import Home

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"^```(python|bash|sql)( fails)?\n(.*?)^```$", re.MULTILINE | re.DOTALL
)

pytestmark = pytest.mark.kernel


@pytest.fixture
def shell(
    own_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InteractiveShell]:
    """A real shell, with our commands on the path and the notebooks in the folder."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    commands = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    config = Config()
    config.HistoryManager.enabled = False
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    "page", ["docs/tutorial.md", "docs/how-to.md", "docs/reference/wrappers.md"]
)
def test_the_examples_run(page, shell, own_home):
    blocks = BLOCK.findall((ROOT / page).read_text("utf-8"))

    ended = [(source, carry_out(shell, kind, source)) for kind, _, source in blocks]

    for (_, fails, _), (source, error) in zip(blocks, ended, strict=True):
        assert bool(error) == bool(fails), f"{source}\n{error}"
    assert len(blocks) > 10


def carry_out(shell: InteractiveShell, kind: str, source: str) -> str:
    """What went wrong with a block; nothing if nothing did."""
    if kind == "sql":
        try:
            flowkernel.sql(source)
        except FlowkernelError as error:
            return str(error)
        return ""
    if kind == "bash":
        command = ["bash", "-euo", "pipefail", "-c", source]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return f"{told.stdout}{told.stderr}" if told.returncode else ""
    result = shell.run_cell(source)
    wrong = result.error_before_exec or result.error_in_exec
    return f"{type(wrong).__name__}: {wrong}" if wrong else ""
