"""What every handler of the server extension has: who asks, and how errors are answered."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from jupyter_server.base.handlers import APIHandler

from flowkernel.core.errors import FlowkernelError
from flowkernel.core.json_record import Json
from flowkernel.core.redaction import BUILT_IN
from flowkernel.server_extension.panel import SETTING, Panel
from flowkernel.server_extension.panel_refusal import (
    PanelRefusal,
    refusal_json,
    refusal_of,
)
from flowkernel.server_extension.permitted_paths import body_object
from flowkernel.server_extension.person_name import person_name

#: What Jupyter's authorizer is asked about.
RESOURCE = "flowkernel"
#: Bytes of the body of a request, inclusive: inputs, answers, the source of a cell.
MAX_BODY = 32 * 1024 * 1024

P = ParamSpec("P")
T = TypeVar("T")


class PanelHandler(APIHandler):
    """A handler under Jupyter's authentication, XSRF check and base URL."""

    auth_resource = RESOURCE

    @property
    def panel(self) -> Panel:
        """What the handlers share."""
        panel: Panel = self.settings[SETTING]
        return panel

    @property
    def person(self) -> str:
        """The name of the person who sends the request."""
        return person_name(self.current_user)

    async def prepare(self, **options: Any) -> None:
        """Refuse a body that is too big, after Jupyter's own checks."""
        await super().prepare(**options)
        size = len(self.request.body or b"")
        if size > MAX_BODY:
            raise PanelRefusal(
                413,
                "ValueTooBig",
                f"The request has {size:,} bytes; at most {MAX_BODY:,} can be sent. Write "
                "what is large to a file, and pass its path.",
            )

    def json_body(self) -> dict[str, Any]:
        """The JSON object of the request. Raises PanelRefusal."""
        return body_object(self.request.body)

    def finish_json(self, value: Json, status: int = 200) -> None:
        """Respond with JSON, in which the tokens of the engine are hidden."""
        self.finish_text(json.dumps(value), status)

    def finish_text(self, text: str, status: int = 200) -> None:
        """Respond with a JSON text, in which the tokens of the engine are hidden."""
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish(BUILT_IN.text(text))

    def compute_etag(self) -> None:
        """No hash of what is sent: nobody stores it, and 20 MB take a while."""

    async def in_thread(
        self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What a call returns that reads files, or waits for the engine."""
        return await asyncio.to_thread(call, *args, **kwargs)

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """Log what is a fault, not what a sentence explains."""
        if not isinstance(error, FlowkernelError | PanelRefusal):
            super().log_exception(kind, error, trace)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Respond with `{code, message}`."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        reason = str(kwargs.get("reason") or self._reason)
        refusal = refusal_of(error, status_code, reason)
        self.set_header("Content-Type", "application/json")
        self.finish_json(refusal_json(refusal), refusal.status_code)
