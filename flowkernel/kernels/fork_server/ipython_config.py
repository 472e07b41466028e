"""Whether a person's configuration of IPython can be read once for all forked kernels.

A file that only sets values means the same whenever it is read. A file that does more (looks
at the folder or the environment, opens a file, starts a thread) must be read by each kernel:
then kernels are started plainly.
"""

import ast
from pathlib import Path
from typing import Any

NAMES = ("ipython_config", "ipython_kernel_config")
#: Settings that act when the shell is made, which is before a forked kernel is complete.
EARLY_SETTINGS = ("logstart", "logfile", "logappend")


def config_files(app: Any) -> list[Path]:
    """Every file that ipykernel looks for, whether it exists or not."""
    folders = [Path(folder) for folder in app.config_file_paths]
    return [
        folder / f"{name}.{kind}"
        for folder in folders
        for name in NAMES
        for kind in ("py", "json")
    ]


def reason_against_fork(app: Any) -> str | None:
    """Why kernels with this configuration must be started plainly; None: they can fork."""
    for path in config_files(app):
        if path.suffix == ".py" and path.exists() and not only_sets_values(path):
            return f"{str(path)!r} does more than set values"
    for section, values in app.config.items():
        if any(name[:1].isupper() for name in values):
            return f"the configuration of {section} has sections within it"
    shells = [v for k, v in app.config.items() if k.endswith("InteractiveShell")]
    if any(name in values for values in shells for name in EARLY_SETTINGS):
        return "the shell writes a log from its start"
    return None


def only_sets_values(path: Path) -> bool:
    """Whether a file has nothing but lines like `c.Section.name = value`, with literals."""
    try:
        body = ast.parse(path.read_text("utf-8")).body
    except (OSError, ValueError, SyntaxError):  # A plain kernel reports what is wrong.
        return False
    return all(_sets_value(node) for node in body)


def _sets_value(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # A docstring.
    if not isinstance(node, ast.Assign):
        return False
    if ast.unparse(node) == "c = get_config()":
        return True
    return all(_is_setting(target) for target in node.targets) and _is_literal(
        node.value
    )


def _is_setting(target: ast.expr) -> bool:
    return ast.unparse(target).startswith("c.") and isinstance(target, ast.Attribute)


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
