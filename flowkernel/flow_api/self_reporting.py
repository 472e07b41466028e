"""What a flow reports from its own kernel, and how it ends or sleeps: a part of `Execution`."""

import builtins
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn, Self

from flowkernel.core.clock import monotonic, new_id
from flowkernel.core.errors import BadArgument
from flowkernel.core.json_values import dumps, plain_json
from flowkernel.core.models import Json
from flowkernel.flow_api.context import own_context, short_key
from flowkernel.flow_api.exceptions import (
    ExecutionCancel,
    ExecutionError,
    ExecutionSuccess,
    LifecycleSignal,
)
from flowkernel.flow_api.handle import ExecutionHandle
from flowkernel.flow_api.not_available import refuse_arguments
from flowkernel.flow_api.stored_records import Message
from flowkernel.flow_api.wait_loop import long_poll


class SelfReporting(ExecutionHandle):
    """What a flow reports: its output, log lines and messages; and how it ends or sleeps."""

    #: Whether its messages wait for an answer also when it has ended.
    _messages_outlive: ClassVar[bool] = False

    def set_output(self, *key_and_value: Any, **values: Json) -> Self:
        """Add values to the output: `set_output("rows", 3)` or `set_output(rows=3)`.

        Values are JSON, at most 1 MiB in all. A later value of the same name replaces the
        earlier one.

        Raises:
            BadValue: A value is not JSON; names its key.
            ValueTooBig: The output would be over the limit.
        """
        if key_and_value:
            if len(key_and_value) != 2 or not isinstance(key_and_value[0], str):
                raise BadArgument(
                    "set_output takes a key and a value, or keywords: set_output(rows=3)."
                )
            values[key_and_value[0]] = key_and_value[1]
        self._post("output", {"output": plain_json(values, "output"), "merge": True})
        return self._reported()

    def log(self, *values: object, **named: object) -> Self:
        """Write a line to the log of the execution; its output notebook shows it too.

        Values are written as `print` writes them, named ones as `name=value`. Example::

            this.log("read", rows=3)  # read rows=3
        """
        words = [str(value) for value in values]
        words += [f"{name}={value!r}" for name, value in named.items()]
        line = " ".join(words)
        shell = getattr(builtins, "get_ipython", lambda: None)()
        if shell is None:
            body = {"event_id": new_id(), "stream": "log", "text": line + "\n"}
            self._post("log", body)
            return self._reported()
        own_context(self.execution_id, "log")
        metadata = {"flowkernel": {"stream": "log"}}
        shell.display_pub.publish({"text/plain": line}, metadata)
        return self._reported()

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
        **unknown: Any,
    ) -> Message:
        """Send a message to the people of this home, and wait for the answer.

        Args:
            message: Its text, in Markdown. People press OK.
            request: A question for one text, which is `response["string"]`.
            body: A form: a JSON schema of an object, with an `element` for each property.
            message_type: INFO, WARN, ERROR or POPUP.
            wait: False: do not wait; `wait()` of the result does it later. A message with
                neither `request` nor `body` then asks for nothing.
            timeout: Seconds in which it can be answered. Default: no limit.

        Raises:
            BadForm: The body cannot be shown; names the property at fault.
            MessageResponseTimeoutError: It was not answered in time.
            NotYetAvailable: An argument that this version does not know.
        """
        refuse_arguments("message", unknown)
        content = {"message": message, "request": request, "body": body}
        options = {"message_type": message_type, "wait": wait, "timeout": timeout}
        sent_message = self._send(subject, content, options)
        return sent_message.wait() if wait else sent_message

    def _send(
        self, subject: str, content: dict[str, Json], options: dict[str, Json]
    ) -> Message:
        """Send a message. Its call key stays the same when the flow runs after a loss."""
        context = own_context(self.execution_id, "message")
        text = dumps(plain_json(list(content.values()), "the message"))
        timeout = options["timeout"]
        if timeout is not None and not 0 <= timeout < math.inf:
            raise BadArgument(f"timeout is {timeout}; give seconds, 0 or more.")
        outlives = self._messages_outlive
        question = f"{subject}:{text}"
        call_key = short_key(context.message_key(question, is_repeated=outlives))
        ids: dict[str, Json] = {"message_id": new_id(), "call_key": call_key}
        # An engine of an older version refuses fields that it does not know.
        ids |= {"outlives": True} if outlives else {}
        record = self._post(
            "message", {**ids, "subject": subject, **content, **options}
        )
        return Message(self._client, record)

    def success(self, message: str | None = None) -> NoReturn:
        """End the flow as succeeded, at once, also within `except Exception`.

        Args:
            message: What people see as its result.
        """
        own_context(self.execution_id, "success")
        raise ExecutionSuccess("" if message is None else str(message))

    def error(self, message: str | None = None) -> NoReturn:
        """End the flow as failed, at once, also within `except Exception`.

        Args:
            message: What people see as the reason.
        """
        own_context(self.execution_id, "error")
        raise ExecutionError("" if message is None else str(message))

    def end(self, status: str, message: str | None = None) -> NoReturn:
        """End the flow at once: `success`, `error` or `cancelled`, or the full status.

        Raises:
            BadArgument: `status` is none of these.
        """
        own_context(self.execution_id, "end")
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
        """Do nothing for so many seconds. The flow holds no slot meanwhile."""
        if not -math.inf < seconds < math.inf:
            raise BadArgument(f"sleep({seconds}) has no end; give a number of seconds.")
        end = monotonic() + float(seconds)
        self._sleep({"duration": float(seconds)}, lambda: end - monotonic())

    def sleep_until(self, moment: float | datetime) -> None:
        """Do nothing until a moment. The flow holds no slot meanwhile.

        Args:
            moment: Seconds since 1970, or a datetime with a time zone.

        Raises:
            BadArgument: The datetime has no time zone.
        """
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                raise BadArgument(
                    f"{moment} has no time zone. Add one: tzinfo=timezone.utc."
                )
            moment = moment.timestamp()
        end = datetime.fromtimestamp(moment, UTC).isoformat()
        self._sleep({"until": end}, lambda: moment - time.time())

    def _sleep(self, request: dict[str, Json], remaining: Callable[[], float]) -> None:
        execution_id = own_context(self.execution_id, "sleep").execution_id
        long_poll(self._client, execution_id, {**request, "is_flow": True}, remaining)
