"""What all handlers of one Jupyter Server share: one engine, one stream, one set of kernels."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tornado.httpclient import HTTPClientError

from flowkernel.home import EngineFile
from flowkernel.server_extension.attached_kernels import AttachedKernels
from flowkernel.server_extension.change_reader import StreamBroken
from flowkernel.server_extension.changes_upstream import ChangesUpstream
from flowkernel.server_extension.engine_requests import EngineReply, EngineRequests
from flowkernel.server_extension.home_engine import HomeEngine
from flowkernel.server_extension.output_notebooks import OutputNotebooks
from flowkernel.server_extension.shown_folder import ShownFolder
from flowkernel.server_extension.stream_connection import open_stream
from flowkernel.server_extension.summaries import Summaries

SETTING = "flowkernel_panel"  #: Where handlers find it, among the settings of tornado.


@dataclass(frozen=True, slots=True)
class Panel:
    """The parts of the server extension, in one Jupyter Server."""

    engine: HomeEngine
    requests: EngineRequests
    upstream: ChangesUpstream
    folder: ShownFolder
    notebooks: OutputNotebooks
    kernels: AttachedKernels
    summaries: Summaries

    @classmethod
    def of(cls, app: Any) -> "Panel":
        """That of a Jupyter Server. Starts nothing.

        Args:
            app: The `ServerApp`.
        """
        folder = ShownFolder(app.contents_manager)
        engine = HomeEngine(folder.root or Path.cwd())
        requests = EngineRequests(engine)

        async def read_last_seq(file: EngineFile) -> int:
            try:
                reply = await requests.fetch_once(file, "engine")
            except HTTPClientError as error:
                raise StreamBroken(str(error)) from error
            return last_seq_in(reply)

        upstream = ChangesUpstream(engine, open_stream, read_last_seq)
        return cls(
            engine=engine,
            requests=requests,
            upstream=upstream,
            folder=folder,
            notebooks=OutputNotebooks(engine.home.path, requests),
            kernels=AttachedKernels(engine.home.path, app),
            summaries=Summaries(requests, lambda: upstream.seq),
        )


def last_seq_in(reply: EngineReply) -> int:
    """The number of the last event, as an engine says it.

    Raises:
        StreamBroken: It is no engine, or not ours: another program may have its port now.
    """
    if reply.status != 200:
        raise StreamBroken(f"the engine answers with {reply.status}")
    try:
        return int(json.loads(reply.content)["last_seq"])
    except (ValueError, KeyError, TypeError) as error:
        raise StreamBroken(f"what answers is no engine: {error}") from error
