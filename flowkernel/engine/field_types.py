"""Types of the fields of requests, with their limits. Pydantic checks them at the edge."""

import math
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
)

from flowkernel.core.errors import BadValue
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.core.moments import exact_moment, in_utc
from flowkernel.home import MAX_PID

#: A UUID of RFC 9562, as Python writes it.
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

Id = Annotated[str, Field(pattern=f"^{UUID}$")]  #: A UUID.
#: UUIDs with commas between them, 100 at most.
Ids = Annotated[str, Field(pattern=f"^{UUID}(,{UUID}){{0,99}}$")]
#: Which attempt at an execution it is: see `Execution.attempt`.
AttemptNumber = Annotated[int, Field(ge=1, le=999_999_999)]
ProcessId = Annotated[int, Field(gt=0, lt=MAX_PID)]  #: Of a worker.
Actor = Annotated[str, Field(max_length=200)]  #: Who sends the request.
#: Seconds to wait for an answer.
AnswerTimeout = Annotated[float, Field(ge=0, le=10 * 366 * 86_400.0)]
#: A kernel for one run: its name, or the absolute path of an environment.
KernelChoice = Annotated[str, Field(min_length=1, max_length=4_096)]
CallKey = Annotated[str, Field(max_length=400)]  #: Which call of a flow it is.


def _as_moment(text: object) -> object:
    """The moment that a text is; pydantic itself takes a number of seconds, too."""
    return text if isinstance(text, datetime) else exact_moment(text)


Moment = Annotated[AwareDatetime, BeforeValidator(_as_moment)]  #: With its zone.

#: The same in UTC: the tables are searched by it.
PastMoment = Annotated[Moment, AfterValidator(in_utc)]


def _finite(value: Json, info: ValidationInfo) -> Json:
    """The value; the parser takes NaN and 1e400 for numbers."""
    try:
        dumps(value)
    except ValueError as error:
        path = _path_of_infinite(value, info.field_name or "the body")
        raise BadValue(
            f"{path} is not a finite number, and JSON has no others. Send null."
        ) from error
    return value


def _path_of_infinite(value: Json, path: str) -> str | None:
    """Where the first number is that is not finite; None if there is none."""
    if isinstance(value, float):
        return None if math.isfinite(value) else path
    if not isinstance(value, dict | list):
        return None
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    paths = (_path_of_infinite(item, f"{path}[{key!r}]") for key, item in parts)
    return next(filter(None, paths), None)


#: Any JSON; for a field of a request that is not described further.
JsonValue = Annotated[Any, AfterValidator(_finite)]

#: Environment variables. `core.variables` checks them: no sentence of its shows a value.
Variables = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "string"}},
                {"type": "null"},
            ]
        }
    ),
]
