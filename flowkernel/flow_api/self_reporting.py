"""What a flow says of itself, in its own kernel: a part of `Execution`."""

import builtins
import math
import time
from datetime import UTC, datetime
from typing import Any, NoReturn, Self

from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument
from flowkernel.core.json_values import dumps, plain_json
from flowkernel.core.models import Json
from flowkernel.flow_api.context import own, short_key
from flowkernel.flow_api.exceptions import (
    ExecutionCancel,
    ExecutionError,
    ExecutionSuccess,
    LifecycleSignal,
)
from flowkernel.flow_api.handle import ExecutionHandle
from flowkernel.flow_api.resources import Message
from flowkernel.flow_api.wait_loop import hold


class SelfReporting(ExecutionHandle):
    """What a flow says of itself: its output, log and messages, its end, its rests."""

    def set_output(self, *key_and_value: Any, **values: Json) -> Self:
        """Add to the output: `set_output("rows", 3)` or `set_output(rows=3)`."""
        if key_and_value:
            if len(key_and_value) != 2 or not isinstance(key_and_value[0], str):
                raise BadArgument(
                    "set_output takes a key and a value, or keywords: set_output(rows=3)."
                )
            values[key_and_value[0]] = key_and_value[1]
        self._post("output", {"output": plain_json(values, "output"), "merge": True})
        return self

    def log(self, *values: object, **named: object) -> Self:
        """Write a line to the log of the execution, which its notebook shows too."""
        words = [str(value) for value in values]
        words += [f"{name}={value!r}" for name, value in named.items()]
        line = " ".join(words)
        shell = getattr(builtins, "get_ipython", lambda: None)()
        if shell is None or own(self.execution_id, "log") is None:
            self._post("log", {"stream": "log", "text": line + "\n"})
        else:
            shell.display_pub.publish(
                {"text/plain": line}, {"flowkernel": {"stream": "log"}}
            )
        return self

    def message(
        self,
        subject: str,
        message: str | None = None,
        *,
        request: str | None = None,
        body: Json = None,
        message_type: str = "INFO",
        wait: bool = True,
        timeout: float | None = None,
    ) -> Message:
        """Send a message to the people of this home, and wait for the answer.

        Args:
            message: What it says, in Markdown. People say OK to it.
            request: A question for one text, which is `response["string"]`.
            body: A form: a JSON schema of an object, with an `element` for each property.
            message_type: INFO, WARN, ERROR or POPUP.
            wait: False: do not wait. `wait()` of what is returned does so later; a message
                that only says something then asks for nothing.
            timeout: Seconds until nobody can answer any more. Default: no limit.

        Raises:
            BadForm: The body cannot be shown; says which property is at fault.
            MessageResponseTimeoutError: Nobody answered in time.
        """
        here = own(self.execution_id, "message")
        asked = plain_json([message, request, body], "the message")
        if timeout is not None and not 0 <= timeout < math.inf:
            raise BadArgument(f"timeout is {timeout}; give seconds, 0 or more.")
        told = self._post(
            "message",
            {
                "message_id": new_id(),
                "subject": subject,
                "message": message,
                "request": request,
                "body": body,
                "message_type": message_type,
                "wait": wait,
                "timeout": timeout,
                "call_key": short_key(here.message_key(f"{subject}:{dumps(asked)}")),
            },
        )
        sent = Message(self._client, told)
        return sent.wait() if wait else sent

    def success(self, message: str | None = None) -> NoReturn:
        """End the flow with success, at once."""
        own(self.execution_id, "success")
        raise ExecutionSuccess("" if message is None else str(message))

    def error(self, message: str | None = None) -> NoReturn:
        """End the flow with an error, at once."""
        own(self.execution_id, "error")
        raise ExecutionError("" if message is None else str(message))

    def end(self, status: str, message: str | None = None) -> NoReturn:
        """End the flow as `success`, `error` or `cancelled` (or the full status)."""
        own(self.execution_id, "end")
        ends: dict[str, type[LifecycleSignal]] = {
            "success": ExecutionSuccess,
            "error": ExecutionError,
            "cancelled": ExecutionCancel,
        }
        word = str(status).lower().removeprefix("ended_")
        if word not in ends:
            raise BadArgument(
                f"A flow cannot end as {status!r}; only as {', '.join(ends)}."
            )
        raise ends[word]("" if message is None else str(message))

    def sleep(self, seconds: float) -> None:
        """Do nothing for so long. Holds no slot meanwhile."""
        self.sleep_until(time.time() + float(seconds))

    def sleep_until(self, moment: float | datetime) -> None:
        """Do nothing until a moment: seconds since 1970, or an aware datetime."""
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                raise BadArgument(
                    f"{moment} has no time zone. Add one: tzinfo=timezone.utc."
                )
            moment = moment.timestamp()
        until = datetime.fromtimestamp(moment, UTC).isoformat()
        execution_id = own(self.execution_id, "sleep").execution_id
        question = {"until": until, "is_flow": True}
        hold(self._client, execution_id, question, lambda: moment - time.time())
