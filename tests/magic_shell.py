"""A shell of IPython with the magics."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from flowkernel.client.client import Client


@pytest.fixture
def shell(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InteractiveShell]:
    """A real shell with the magics, beside a running engine."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("load_ext", "flowkernel")
    yield shell
    shell.extension_manager.unload_extension("flowkernel")
    InteractiveShell.clear_instance()
