"""The extension of Jupyter Server: what the panel in JupyterLab talks to."""

from typing import Any

MODULE = "flowkernel.server_extension"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """What Jupyter Server asks for: where the extension is."""
    return [{"module": MODULE}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Add our routes to a Jupyter Server. Starts no engine."""
    from flowkernel.server_extension.panel_routes import add_routes

    add_routes(app)
