"""`flowkernel/file/...`: notebooks and scripts in the folder that Jupyter shows."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from flowkernel.client.client import Client
from flowkernel.core.errors import BadArgument, FlowkernelError
from flowkernel.core.json_record import Json
from flowkernel.home import Home
from flowkernel.server_extension.engine_requests import reply_value
from flowkernel.server_extension.panel_handler import RESOURCE, PanelHandler
from flowkernel.server_extension.permitted_paths import CHANNEL

#: Fields of `file/run` that `POST execution` takes unchanged.
START_FIELDS = frozenset(
    {
        "allow_extra",
        "execution_id",
        "is_attended",
        "is_interactive",
        "keep_kernel",
        "kernel",
        "name",
        "using",
    }
)
RUN_FIELDS = START_FIELDS | {"inputs", "path", "texts"}


class SignatureHandler(PanelHandler):
    """What a file declares."""

    @authenticated
    @authorized("read", RESOURCE)
    async def get(self) -> None:
        """Its name, kind and parameters, or why it cannot run."""
        path = self.panel.folder.file(self.get_query_argument("path", ""))
        try:
            fields = await self.in_thread(_source, path)
        except FlowkernelError as error:
            self.finish_json({**_unknown(path), "problem": str(error)})
            return
        own = {"name": fields["name"], "kind": fields["kind"], "problem": None}
        self.finish_json({**own, **await self._signature(fields)})

    async def _signature(self, fields: dict[str, Json]) -> dict[str, Json]:
        """As the engine reads it, which knows how a form asks for each parameter."""
        body = {name: fields[name] for name in ("kind", "source")}
        requests = self.panel.requests
        content = json.dumps(body).encode()
        reply = await requests.send("POST", "signature", content, person=self.person)
        signature: dict[str, Json] = reply_value(reply)
        return signature


class FileRunHandler(PanelHandler):
    """Runs a file."""

    @authenticated
    @authorized("execute", RESOURCE)
    async def post(self) -> None:
        """Start it; 201 and the execution."""
        body = self.json_body()
        path = self.panel.folder.file(_text(body, "path"))
        home = self.panel.engine.home
        execution = await self.in_thread(_run, home, self.person, path, body)
        self.finish_json(execution, 201)


class FileRegisterHandler(PanelHandler):
    """Registers a file as a flow."""

    @authenticated
    @authorized("write", RESOURCE)
    async def post(self) -> None:
        """Give it a name; the flow."""
        body = self.json_body()
        path = self.panel.folder.file(_text(body, "path"))
        home, name = self.panel.engine.home, body.get("name")
        self.finish_json(await self.in_thread(_register, home, self.person, path, name))


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise BadArgument(f"`{name}` is {value!r}; it is a text.")
    return value


def _source(path: Path) -> dict[str, Json]:
    """A file as the fields of a flow, without running anything of it."""
    from flowkernel.client.flow_source import read_source

    return read_source(str(path))


def _unknown(path: Path) -> dict[str, Json]:
    """What is known of a file that cannot be read."""
    from flowkernel.client.source_file import flow_name_of

    return {
        "name": flow_name_of(path),
        "kind": "SCRIPT" if path.suffix == ".py" else "NOTEBOOK",
        "parameters": [],
        "takes_others": False,
    }


def _client(home: Home, person: str) -> Client:
    client = Client(home, started_by=f"{person} ({CHANNEL})")
    client.channel = CHANNEL
    return client


def _run(home: Home, person: str, path: Path, body: dict[str, Any]) -> Json:
    """The execution of a file that is started, as REST has it."""
    from flowkernel.client.flow_source import start_request

    unknown = sorted(body.keys() - RUN_FIELDS)
    if unknown:
        raise BadArgument(f"`file/run` has no field {unknown[0]!r}.")
    own = {name: body[name] for name in START_FIELDS & body.keys()}
    request = start_request(str(path), body.get("inputs") or {})
    texts = {"texts": body["texts"]} if body.get("texts") else {}
    with closing(_client(home, person)) as client:
        return client.start({**request, **texts, **own}).to_json()


def _register(home: Home, person: str, path: Path, name: str | None) -> Json:
    """The flow that a file is registered as."""
    fields = _source(path)
    if name is not None:
        fields["name"] = name
    with closing(_client(home, person)) as client:
        return client.post("/flow", fields)
