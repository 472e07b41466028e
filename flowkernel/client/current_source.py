"""The source that a run would have now, beside the one that it had."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from flowkernel.client.client import Client
from flowkernel.client.flow_source import read_source
from flowkernel.client.source_file import flow_name_of
from flowkernel.core.errors import FlowNotFound, RequestError
from flowkernel.core.models import Execution, FlowKind, Json
from flowkernel.core.status import RetrySource


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentSource:
    """What a flow, or the file that ran, is now."""

    place: str  #: In a sentence: "the file 'report.ipynb'", "the flow 'report'".
    has_changed: bool  #: Since the run.
    #: A file, as the fields of a source; None: a registered flow.
    file: Json | None = None

    def retry_fields(self) -> dict[str, Json]:
        """What `POST execution/{id}/retry` takes, to run it."""
        fields: dict[str, Json] = {"source": "current"}
        return fields if self.file is None else {**fields, "file": self.file}


def current_source(client: Client, execution: Execution) -> CurrentSource:
    """The current source of what an execution ran; of a wrapper, of what it ran.

    A file that ran counts as it is now; a flow that was registered with more than its file
    says, or that has no file, as it is registered now.

    Raises:
        FlowNotFound, FileMissing, NotANotebook, BadArgument: There is none any more.
    """
    ran = execution.wrapped or execution
    version = client.get(f"/flow_version/{quote(ran.flow_version, safe='')}")
    is_registered = execution.wrapped is not None and execution.wrapped.flow is not None
    has_more = version["setup_source"] or version.get("parameters")
    is_registered = is_registered or _is_renamed(client, version, ran.flow_name)
    if is_registered or has_more or version["kind"] == FlowKind.CELL:
        flow = client.get_flow(ran.flow_name)
        has_changed = flow.flow_version != ran.flow_version
        return CurrentSource(
            place=f"the flow {ran.flow_name!r}", has_changed=has_changed
        )
    if version["path"] is None:
        raise FlowNotFound(ran.flow_name)
    path = path_of(version["path"], ran.flow_name, ran.environment.cwd)
    file = read_source(path)
    has_changed = content_of(file) != content_of(version)
    return CurrentSource(place=f"the file {path!r}", has_changed=has_changed, file=file)


def _is_renamed(client: Client, version: Json, flow_name: str) -> bool:
    """Whether its file is registered as a flow of another name than the file has."""
    path = version["path"]
    if path is None or flow_name_of(Path(path)) == flow_name:
        return False
    try:
        return client.get_flow(flow_name).path == str(path)
    except FlowNotFound:
        return False


def path_of(recorded_path: str, flow_name: str, folder: str | None) -> str:
    """The file that ran. A version has the path of the first file with its source alone.

    Args:
        folder: In which it ran: that of the file.
    """
    path = Path(recorded_path)
    is_same = folder in (None, str(path.parent)) and flow_name_of(path) == flow_name
    return (
        recorded_path if is_same else str(Path(folder or "", flow_name + path.suffix))
    )


def recorded_fields(execution: Execution) -> dict[str, Json]:
    """What `POST execution/{id}/retry` takes, to run the recorded source.

    Nothing, but where the engine would take the current source by itself.
    """
    is_named = execution.wrapped is not None and execution.wrapped.flow is not None
    return {"source": RetrySource.RECORDED.value} if is_named else {}


def content_of(record: Json) -> Json:
    """What of a source matters to who wrote it: of a notebook its cells, without metadata.

    Args:
        record: With `kind` and `source`.
    """
    if record["kind"] != FlowKind.NOTEBOOK:
        return record["source"]
    notebook = json.loads(record["source"])
    sheets = notebook.get("worksheets") or [notebook]  # Of formats before 4.
    return [
        (cell.get("cell_type"), "".join(cell.get("source", cell.get("input", ""))))
        for sheet in sheets
        for cell in sheet.get("cells", ())
    ]


def known_source(client: Client, execution: Execution) -> CurrentSource | None:
    """The same; None if there is none any more."""
    try:
        return current_source(client, execution)
    except RequestError:
        return None
