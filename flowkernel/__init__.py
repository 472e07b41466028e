"""flowkernel: notebook cells and notebooks become flows, recorded cell by cell.

The public names, imported when they are first used, and the hooks of IPython.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowkernel.version import __version__

if TYPE_CHECKING:
    from flowkernel.api import find_flow, list_executions, register, run, sql
    from flowkernel.flow_api import Execution

__all__ = [
    "Execution",
    "__version__",
    "find_flow",
    "list_executions",
    "register",
    "run",
    "sql",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'flowkernel' has no attribute {name!r}")
    return getattr(import_module("flowkernel.api"), name)


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(ipython: Any) -> None:
    """Load the magics: `%load_ext flowkernel`."""
    from flowkernel.magics import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Unload the magics: `%unload_ext flowkernel`."""
    from flowkernel.magics import unload

    unload(ipython)
