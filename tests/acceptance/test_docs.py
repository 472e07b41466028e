"""The examples of the tutorial, the how-to and the wrappers run, in the order of the page.

A block in ```python is a notebook cell, one in ```bash a shell script, one in ```sql a query.
With `fails` behind the language it must fail. Other blocks are only shown.
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
    """A real shell, with the command on the path and the notebooks in the folder."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    commands = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    yield shell
    shell.extension_manager.unload_extension("flowkernel")
    InteractiveShell.clear_instance()


@pytest.mark.timeout(400)  # The how-to has 90 blocks, each with processes of its own.
@pytest.mark.parametrize(
    "page", ["docs/tutorial.md", "docs/how-to.md", "docs/reference/wrappers.md"]
)
def test_the_examples_run(page, shell, own_home):
    blocks = BLOCK.findall((ROOT / page).read_text("utf-8"))

    results = [(source, run_block(shell, kind, source)) for kind, _, source in blocks]

    for (_, fails, _), (source, error) in zip(blocks, results, strict=True):
        assert bool(error) == bool(fails), f"{source}\n{error}"
    assert len(blocks) > 10


def run_block(shell: InteractiveShell, kind: str, source: str) -> str:
    """Run a block; its error as text, or an empty text."""
    if kind == "sql":
        try:
            flowkernel.sql(source)
        except FlowkernelError as error:
            return str(error)
        return ""
    if kind == "bash":
        command = ["bash", "-euo", "pipefail", "-c", source]
        process = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return f"{process.stdout}{process.stderr}" if process.returncode else ""
    result = shell.run_cell(source)
    error = result.error_before_exec or result.error_in_exec
    return f"{type(error).__name__}: {error}" if error else ""
