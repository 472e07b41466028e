"""Who starts runs from this process, and where: what is recorded in `started_by`."""

import getpass
import os
from collections.abc import Mapping
from pathlib import Path

from flowkernel.client.jupyter_link import SESSION
from flowkernel.home import Home

LONGEST = 200  #: Characters of `started_by`, inclusive: the engine takes no more.


def starter_name(
    place: str, home: Home, environ: Mapping[str, str] = os.environ
) -> str:
    """A person and a place: "ada (notebook, reports/sales.ipynb)".

    What a kernel of a Jupyter server starts, and what its processes do, has the notebook, so
    that it is found again when that kernel is gone.

    Args:
        place: "notebook", "command line" or "Python".
    """
    name = user_name()
    suffix = notebook_suffix(home, environ)
    text = f"{name} ({place}{suffix})"
    return text if len(text) <= LONGEST else f"{name} ({place})"


def notebook_suffix(home: Home, environ: Mapping[str, str] = os.environ) -> str:
    """How the notebook of this kernel is named there; empty if it is not known.

    It is named from the folder of the home, if it is below it.
    """
    session = environ.get(SESSION, "")
    if not os.path.isabs(session) or not session.isprintable():
        return ""
    path, folder = Path(session), home.path.parent
    path = path.relative_to(folder) if path.is_relative_to(folder) else path
    return f", {path.as_posix()}"


def user_name() -> str:
    """The name of the account that this process runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A user id without a name, as in some containers.
        return "somebody"
