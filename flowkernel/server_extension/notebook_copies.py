"""Copies of output notebooks in the folder that Jupyter shows.

JupyterLab opens no file in a hidden folder, as the home is. In a copy a person can change
everything; the output notebook stays what the run left behind.
"""

from typing import Any

import nbformat
from jupyter_server.utils import ensure_async
from tornado.web import HTTPError

from flowkernel.client.output_notebook import copy_name
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Execution
from flowkernel.server_extension.output_notebooks import OutputNotebooks
from flowkernel.server_extension.shown_folder import ShownFolder


async def copy_notebook_of(
    execution: Execution,
    contents_manager: Any,
    notebooks: OutputNotebooks,
    folder: ShownFolder,
) -> str:
    """The path of a new copy, as Jupyter has it: beside the file of the flow, or in the root.

    Raises:
        FileMissing: There is no output notebook.
        BadArgument: No copy can be written.
    """
    content = nbformat.from_dict(await notebooks.content(execution))
    source = await notebooks.source_path(execution)
    folders = dict.fromkeys((folder.folder_of(source), ""))
    name = copy_name(execution)
    error: HTTPError | None = None
    for directory in folders:
        try:
            async with folder.turn:
                return await _save(contents_manager, directory, name, content)
        except HTTPError as refusal:
            error = refusal
    raise BadArgument(
        f"The copy {name!r} cannot be written: {error and error.log_message}. The output "
        f"notebook is {str(notebooks.path_of(execution))!r}."
    )


async def _save(contents_manager: Any, folder: str, name: str, content: Any) -> str:
    increment = contents_manager.increment_filename(name, folder, insert="-")
    unused = await ensure_async(increment)
    path = f"{folder}/{unused}" if folder else str(unused)
    model = {"type": "notebook", "format": "json", "content": content}
    await ensure_async(contents_manager.save(model, path))
    return path
