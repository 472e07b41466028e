"""Links to files that work in the page of a notebook: relative to the folder of the notebook.

JupyterLab opens such a link if the file is under the root of its server, and no folder on the
way is hidden.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

#: What a Jupyter server gives its kernels: the path of the notebook, and its process id.
SESSION, SERVER = "JPY_SESSION_NAME", "JPY_PARENT_PID"


def notebook_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the notebook of this kernel; the current one if it is not known."""
    session = environ.get(SESSION, "")
    return Path(session).parent if os.path.isabs(session) else Path.cwd()


def notebook_href(path: Path, environ: Mapping[str, str] = os.environ) -> str | None:
    """The link to a file from the notebook of this kernel; None if none would work."""
    root = server_root(environ)
    if root is None or not os.path.isabs(environ.get(SESSION, "")):
        return None
    file, folder = path.resolve(), notebook_folder(environ).resolve()
    if not (file.is_relative_to(root) and folder.is_relative_to(root)):
        return None
    if any(part.startswith(".") for part in file.relative_to(root).parts):
        return None
    return quote(Path(os.path.relpath(file, folder)).as_posix())


def server_root(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder that the Jupyter server of this kernel shows; None if it is not known."""
    pid = environ.get(SERVER, "")
    if not pid.isdigit():
        return None
    with suppress(ImportError, OSError, ValueError, KeyError, TypeError):
        from jupyter_core.paths import jupyter_runtime_dir

        file = Path(jupyter_runtime_dir()) / f"jpserver-{pid}.json"
        return Path(json.loads(file.read_text("utf-8"))["root_dir"]).resolve()
    return None
