"""`flowkernel/notebook/...` and `flowkernel/attach/...`: output notebooks, parked kernels."""

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from flowkernel.core.models import Execution
from flowkernel.server_extension.notebook_copies import copy_notebook_of
from flowkernel.server_extension.panel_handler import RESOURCE, PanelHandler


class NotebookHandler(PanelHandler):
    """The output notebook of an execution."""

    @authenticated
    @authorized("read", RESOURCE)
    async def get(self, execution_id: str) -> None:
        """It, cut to what can be shown; 304 if it is as it was at `after`."""
        view = await self.panel.notebooks.view(execution_id)
        if self.get_query_argument("after", "") == view.etag:
            self.set_status(304)
            await self.finish()
        else:
            self.finish_text(view.text)


class NotebookCellHandler(PanelHandler):
    """One cell of an output notebook."""

    @authenticated
    @authorized("read", RESOURCE)
    async def get(self, execution_id: str, index: str) -> None:
        """Its outputs, whole."""
        text = await self.panel.notebooks.outputs(execution_id, int(index))
        self.finish_text(text)


class CopyingHandler(PanelHandler):
    """A handler that copies output notebooks."""

    async def copy_of(self, execution: Execution) -> str:
        """The path of a new copy of its output notebook, as Jupyter has it."""
        panel = self.panel
        return await copy_notebook_of(
            execution, self.contents_manager, panel.notebooks, panel.folder
        )


class NotebookCopyHandler(CopyingHandler):
    """Copies of an output notebook."""

    @authenticated
    @authorized("write", RESOURCE)
    async def post(self, execution_id: str) -> None:
        """Make one, in the folder that Jupyter shows."""
        execution = await self.panel.notebooks.execution(execution_id)
        self.finish_json({"path": await self.copy_of(execution)}, 201)


class AttachHandler(CopyingHandler):
    """The parked kernel of an execution, as a kernel of Jupyter."""

    @authenticated
    @authorized("execute", RESOURCE)
    async def post(self, execution_id: str) -> None:
        """Attach to it, and copy its notebook for it; one that is attached stays so."""
        execution = await self.panel.notebooks.execution(execution_id)
        kernels = self.panel.kernels
        kernels.check_parked(execution.execution_id)
        async with kernels.turn:
            path = await kernels.path_of(execution.execution_id)
            path = path or await self.copy_of(execution)
            kernel_id, name = await kernels.attach(execution.execution_id, path)
        self.finish_json({"kernel_id": kernel_id, "path": path, "name": name}, 201)

    @authenticated
    @authorized("execute", RESOURCE)
    async def delete(self, execution_id: str) -> None:
        """Detach from it; it stays parked."""
        await self.panel.kernels.release(execution_id)
        self.finish_json({})
