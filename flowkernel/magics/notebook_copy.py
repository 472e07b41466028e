"""A copy of an output notebook, beside the notebook of the person, with a link to it.

JupyterLab opens no file in a hidden folder, as the home is by default. In a copy a person can
change and run everything; the output notebook stays what the run left behind.
"""

from contextlib import suppress
from html import escape
from urllib.parse import quote

from IPython.display import publish_display_data

from flowkernel.client.client import Client
from flowkernel.client.failure_lookup import notebook_path
from flowkernel.client.jupyter_link import notebook_folder, notebook_href
from flowkernel.core.clock import short_id
from flowkernel.core.errors import FileMissing
from flowkernel.core.models import Execution

MAX_STEM = 40  #: Characters of a run's name in the name of a copy, inclusive.


def copy_notebook(client: Client, execution_id: str) -> None:
    """Put a copy of its output notebook beside the notebook of this kernel; link to it.

    A copy that is there stays as it is: a person may have changed it.

    Raises:
        FileMissing: It has none.
    """
    record = client.get_execution(execution_id)
    source = notebook_path(client.home.path, record)
    if source is None:
        raise FileMissing(
            f"{record.name!r} has no output notebook. It has one once it has started."
        )
    target = notebook_folder() / copy_name(record)
    with suppress(FileExistsError), open(target, "xb") as file:
        file.write(source.read_bytes())
    href = escape(notebook_href(target) or quote(target.name))
    link = f'Copy of the output notebook: <a href="{href}">{escape(target.name)}</a>'
    text = f"Copy of the output notebook: {target}"
    publish_display_data({"text/html": link, "text/plain": text})


def copy_name(record: Execution) -> str:
    """The name of the copy of an output notebook, without what a file cannot have."""
    safe = "".join(c if c.isalnum() or c in "-_ ." else "_" for c in record.name)
    return f"{safe.strip('. ')[:MAX_STEM]}-{short_id(record.execution_id)}.ipynb"
