"""Flows to start, and the prompts of those that fail."""

import sys
from pathlib import Path
from typing import Any

import nbformat

from flowkernel.client.client import Client
from flowkernel.client.flow_source import start_request
from flowkernel.core.models import Environment, Flow, FlowKind
from flowkernel.flow_api import Execution
from tests.conftest import until

#: The wrappers of a flow that asks a person when it fails.
INTERACTIVE = [{"name": "interactive", "inputs": {}}]


def register_cell(client: Client, name: str, source: str, **fields: Any) -> None:
    """Register a source as a flow of this Python."""
    environment = Environment(interpreter=sys.executable, prefix=sys.prefix)
    flow = Flow(
        name=name, kind=FlowKind.CELL, source=source, environment=environment, **fields
    )
    client.register(flow)


def start_flow(
    client: Client,
    target: str | Path,
    *,
    using: list[dict[str, Any]] | None = None,
    is_interactive: bool = False,
    **inputs: Any,
) -> Execution:
    """Start a flow or a path, in these wrappers (None: in its own); returns at once."""
    request = start_request(str(target), inputs)
    if using is not None:
        request["using"] = using
    if is_interactive:
        request["is_interactive"] = True
    return Execution(client, client.start(request).execution_id)


def open_prompt(client: Client, execution: Execution) -> dict[str, Any]:
    """The prompt of a failure in the family of an execution; waits for it."""
    root_id = execution.get("root_id")

    def find_prompts() -> list[dict[str, Any]]:
        messages = client.get("/message", is_open="true")
        return [m for m in messages if m["root_id"] == root_id and m["about_id"]]

    [prompt] = until(find_prompts, seconds=60)
    return prompt  # type: ignore[no-any-return]


def answer(client: Client, message: dict[str, Any], **response: Any) -> Any:
    """Answer a message as a person in a notebook."""
    return client.answer(message["message_id"], response, answered_from="notebook")


def write_notebook(path: Path, *sources: str, **metadata: Any) -> Path:
    """Write a notebook of code cells; its path."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path
