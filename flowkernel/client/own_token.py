"""The token that a flow's kernel has for its home, in its environment.

The worker puts it there, and child processes of the kernel inherit it. With it a client sends
requests as the execution. It needs the standard library alone.
"""

import os
from collections.abc import Mapping

from flowkernel.home import Home

#: The variables that only a flow's kernel has begin with this.
PREFIX = "FLOWKERNEL_EXECUTION"
ID, TOKEN, HOME = f"{PREFIX}_ID", f"{PREFIX}_TOKEN", f"{PREFIX}_HOME"
#: A worker's own token; it takes it out of its environment.
WORKER_TOKEN = "FLOWKERNEL_WORKER_TOKEN"


def own_token(home: Home, environ: Mapping[str, str] = os.environ) -> str | None:
    """The token that this process has as the kernel of an execution of this home.

    None: it is no such kernel, and has the token of the person in `engine.json`.
    """
    is_same = environ.get(HOME) == str(home.path.resolve())
    return environ.get(TOKEN) if is_same else None


def kernel_variables(
    home: Home, execution_id: str, token: str | None
) -> dict[str, str]:
    """The environment variables of the kernel of an execution.

    Args:
        token: None: the execution is not recorded, or the engine is of an older version.
    """
    variables = {ID: execution_id}
    if token is not None:
        variables |= {TOKEN: token, HOME: str(home.path.resolve())}
    return variables


def without_tokens(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for a process that is not the kernel of this execution."""
    return {
        name: value
        for name, value in environ.items()
        if name != WORKER_TOKEN and not name.startswith(PREFIX)
    }
