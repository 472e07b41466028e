"""The routes of the server extension, and how they are added to a Jupyter Server."""

from typing import Any

from jupyter_server.utils import url_path_join

from flowkernel.server_extension.changes_socket import ChangesSocket
from flowkernel.server_extension.engine_handlers import (
    EngineHandler,
    EngineStartHandler,
)
from flowkernel.server_extension.file_handlers import (
    FileRegisterHandler,
    FileRunHandler,
    SignatureHandler,
)
from flowkernel.server_extension.notebook_handlers import (
    AttachHandler,
    NotebookCellHandler,
    NotebookCopyHandler,
    NotebookHandler,
)
from flowkernel.server_extension.panel import SETTING, Panel
from flowkernel.server_extension.proxy_handler import ProxyHandler
from flowkernel.server_extension.summary_handlers import (
    ChartSummaryHandler,
    FlowSummaryHandler,
    HomeSummaryHandler,
)

ID = "([0-9a-f-]{36})"  #: Of an execution.
ROUTES: tuple[tuple[str, type], ...] = (
    ("engine", EngineHandler),
    ("engine/start", EngineStartHandler),
    ("api/(.*)", ProxyHandler),
    ("changes", ChangesSocket),
    (f"notebook/{ID}", NotebookHandler),
    (f"notebook/{ID}/cell/([0-9]{{1,6}})", NotebookCellHandler),
    (f"notebook/{ID}/copy", NotebookCopyHandler),
    (f"attach/{ID}", AttachHandler),
    ("file/signature", SignatureHandler),
    ("file/run", FileRunHandler),
    ("file/register", FileRegisterHandler),
    ("summary/home", HomeSummaryHandler),
    ("summary/flows", FlowSummaryHandler),
    ("summary/charts", ChartSummaryHandler),
)


def add_routes(app: Any) -> None:
    """Add the routes to a Jupyter Server, under its base URL.

    Args:
        app: The `ServerApp`.
    """
    settings = app.web_app.settings
    settings[SETTING] = Panel.of(app)
    base = url_path_join(settings["base_url"], "flowkernel")
    handlers = [(url_path_join(base, path), handler) for path, handler in ROUTES]
    app.web_app.add_handlers(".*$", handlers)
