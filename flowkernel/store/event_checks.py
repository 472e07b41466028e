"""What can be written: a bad event must not spoil the batch of the others. Pure."""

import json
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from flowkernel.core.errors import BadArgument
from flowkernel.core.json_record import JsonRecord
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Event, Execution, Json
from flowkernel.core.redaction import BUILT_IN


def checked_event(event: Event) -> Event:
    """The event, if it can be written: a bad event must not spoil the batch of the others.

    In text that is not valid Unicode, as a program may print, `?` replaces what is invalid.
    What is protected is hidden.

    Raises:
        BadArgument: An id is no UUID in lower case with hyphens, the moment has no time zone
            or is out of range, or the payload is not JSON.
    """
    _check_ids(event)
    _check_moment(event.happened_at)
    text = _payload_text(event)
    if BUILT_IN.spans(text):
        event = BUILT_IN.event(event)
        text = _payload_text(event)
    try:
        (text + event.actor).encode()
    except UnicodeEncodeError:
        payload: dict[str, Json] = json.loads(text.encode(errors="replace"))
        actor = event.actor.encode(errors="replace").decode()
        return replace(event, payload=payload, actor=actor)
    return event


def _payload_text(event: Event) -> str:
    try:
        return dumps(event.payload)
    except (TypeError, ValueError) as error:
        raise BadArgument(
            f"The payload of a {event.kind} event is not JSON: {error}"
        ) from error


def _check_ids(event: Event) -> None:
    for name in ("event_id", "execution_id"):
        check_id(getattr(event, name), name)
    for name in ("cell_run_id", "message_id", "root_id", "parent_id", "retry_of"):
        if event.payload.get(name) is not None:
            check_id(event.payload[name], name)


def check_text(record: JsonRecord) -> None:
    """Refuse text that cannot be written.

    Raises:
        BadArgument: Some of it is not valid Unicode.
    """
    try:
        dumps(record.to_json()).encode()
    except UnicodeEncodeError as error:
        raise BadArgument(
            f"There is text that is not valid Unicode: {error}."
        ) from error


def check_id(text: object, name: str) -> None:
    """Refuse an id that is not a UUID in lower case with hyphens."""
    try:
        is_id = isinstance(text, str) and str(UUID(text)) == text
    except ValueError:
        is_id = False
    if not is_id:
        raise BadArgument(
            f"{name} is {text!r}, which is not a UUID in its usual writing."
        )


def _check_moment(moment: datetime) -> None:
    """Refuse a moment that no column of moments can hold."""
    if moment.tzinfo is None:
        raise BadArgument(f"The moment {moment} has no time zone. Use UTC.")
    if not 1900 <= moment.year <= 9000:  # In UTC it may be in the year before or after.
        raise BadArgument(f"The moment {moment} is out of range.")


def check_created(execution: Execution, event: Event) -> None:
    """Refuse a CREATED event whose payload is about another execution.

    Raises:
        ValueError: It is.
        BadArgument: The `root_id` is no UUID.
    """
    if execution.execution_id != event.execution_id:
        raise ValueError(f"it is about execution {execution.execution_id!r}")
    check_id(execution.root_id, "root_id")
