"""A copy of an output notebook, beside the notebook of the person, with a link to it.

JupyterLab opens no file in a hidden folder, as the home is by default. In a copy a person can
change and run everything; the output notebook stays what the run left behind.
"""

import os
from datetime import datetime
from html import escape
from pathlib import Path
from urllib.parse import quote

from IPython.display import publish_display_data

from flowkernel.client.client import Client
from flowkernel.client.jupyter_link import notebook_folder, notebook_href
from flowkernel.client.output_notebook import copy_name, existing_notebook_path
from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument
from flowkernel.core.text import plain_text


def copy_notebook(client: Client, execution_id: str) -> None:
    """Put a copy of its output notebook beside the notebook of this kernel; link to it.

    A copy that is there stays as it is: a person may have changed it.

    Raises:
        FileMissing: It has none.
        BadArgument: The copy cannot be written.
    """
    record = client.get_execution(execution_id)
    source = existing_notebook_path(client.home.path, record)
    target = notebook_folder() / copy_name(record)
    try:
        label = f"Copy of the output notebook{_copied(source, target)}"
    except OSError as error:
        raise BadArgument(
            f"The copy {str(target)!r} cannot be written: {error.strerror}. The output "
            f"notebook is {str(source)!r}."
        ) from error
    href = escape(notebook_href(target) or quote(target.name))
    link = f'<p>{escape(label)}: <a href="{href}">{escape(target.name)}</a></p>'
    publish_display_data(
        {"text/html": link, "text/plain": plain_text(f"{label}: {target}")}
    )


def _copied(source: Path, target: Path) -> str:
    """Make the copy, in one step; if there is one, since when.

    Raises:
        OSError: It cannot be read or written. There is no part of a copy.
    """
    content = source.read_bytes()
    if target.exists():
        moment = datetime.fromtimestamp(target.stat().st_mtime)
        return f" ({moment:%Y-%m-%d %H:%M}; remove it for a new one)"
    draft = target.with_name(f".{target.name}.{new_id()}.new")
    try:
        draft.write_bytes(content)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    return ""
