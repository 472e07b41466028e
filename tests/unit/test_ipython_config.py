"""A configuration that only sets values is read once for all forks."""

import pytest

from flowkernel.kernels.fork_server.ipython_config import only_sets_values

VALUES = [
    "",
    "c = get_config()",
    '"""Mine."""\nc = get_config()  # noqa\nc.InteractiveShell.colors = "nocolor"',
    "c.InteractiveShellApp.exec_lines = ['import math', 'x = 1']",
    "c.InteractiveShell.a = c.InteractiveShell.b = (1, -2.5, {'k': None})",
]
OTHER_SOURCES = [
    "import os",
    "c.InteractiveShellApp.exec_lines.append('x = 1')",
    "c.A.b = os.getcwd()",
    "c.A.b = open('x')",
    "load_subconfig('other.py')",
    "if True:\n    c.A.b = 1",
    "x = 1",
    "c.A.b = [f() for f in ()]",
    "1 /",
    "raise ValueError",
]


@pytest.mark.parametrize("source", VALUES)
def test_a_file_that_only_sets_values_is_recognized(tmp_path, source):
    (tmp_path / "config.py").write_text(source)

    assert only_sets_values(tmp_path / "config.py")


@pytest.mark.parametrize("source", OTHER_SOURCES)
def test_a_file_that_does_more_is_recognized(tmp_path, source):
    (tmp_path / "config.py").write_text(source)

    assert not only_sets_values(tmp_path / "config.py")
