"""Turning models into rows and rows into models.

Moments are UTC in both: without a time zone in a row, with one in a model.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property, lru_cache, partial
from operator import attrgetter
from typing import Any, Generic, TypeVar, get_origin

from flowkernel.core.json_record import JsonRecord, field_types
from flowkernel.core.json_values import dumps
from flowkernel.core.models import (
    CellRun,
    Environment,
    Event,
    EventKind,
    Execution,
    Flow,
    FlowVersion,
    Message,
)

T = TypeVar("T", bound=JsonRecord)
Row = tuple[Any, ...]
MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"  #: A moment in JSON, for strftime.
LIGHT_TEXT = 1_000  #: Characters of each text in a light row, inclusive.


@dataclass(frozen=True)
class TableLayout(Generic[T]):
    """A table whose columns are the fields of a model."""

    name: str
    model: type[T]
    key: str
    #: Columns that never change: an update does not write them.
    fixed: frozenset[str] = frozenset()
    #: Long texts, which a light row lacks.
    long: frozenset[str] = frozenset()

    @property
    def columns(self) -> list[str]:
        """In the order of the fields."""
        return list(field_types(self.model))

    @cached_property
    def heavy(self) -> frozenset[str]:
        """The columns whose values may be large: JSON, and records."""
        types = field_types(self.model).items()
        return frozenset(
            name for name, hint in types if is_json(hint) or is_record(hint)
        )

    @property
    def light_json(self) -> str:
        """SQL that makes of a row the JSON of its model, without the heavy columns."""
        columns = [name for name in self.columns if name not in self.heavy]
        types = field_types(self.model)
        parts = [
            f"{name}: strftime({name}, '{MOMENT}')"
            if types[name] is datetime
            else f"{name}: {name}"
            for name in columns
        ]
        return f"to_json({{{', '.join(parts)}}})::VARCHAR"

    @cached_property
    def light_columns(self) -> tuple[str, ...]:
        """The columns of a light row: a list shows them, and they have few bytes.

        Found once: rows that change are made a thousand times a second.
        """
        left_out = self.heavy | self.long
        return tuple(name for name in self.columns if name not in left_out)

    @property
    def light_row_json(self) -> str:
        """SQL that makes of a row the same JSON as `light_row` makes of a model."""
        types = field_types(self.model)
        parts = {
            name: f"strftime({name}, '{MOMENT}')"
            if types[name] is datetime
            else f"left({name}::VARCHAR, {LIGHT_TEXT})"
            if types[name] is str
            else name
            for name in self.light_columns
        }
        pairs = ", ".join(f"{name}: {part}" for name, part in parts.items())
        return f"to_json({{{pairs}}})::VARCHAR"

    def light_row(self, value: T) -> dict[str, Any]:
        """The JSON of a model with the light columns alone; each text is cut."""
        return {name: _light(getattr(value, name)) for name in self.light_columns}

    @property
    def changing(self) -> list[str]:
        """The key, and every column that an update writes."""
        return [name for name in self.columns if name not in self.fixed]

    def rows(self, values: Iterable[T], columns: Sequence[str]) -> list[Row]:
        """A row for each model, with the values of these columns."""
        types = field_types(self.model)
        parts = [(attrgetter(name), _writer(types[name])) for name in columns]
        return [
            tuple(
                [
                    part if (part := get(value)) is None or not write else write(part)
                    for get, write in parts
                ]
            )
            for value in values
        ]

    def model_of(self, record: Mapping[str, Any]) -> T:
        """The model of a row. A field whose column is missing gets its default."""
        values = {}
        for name, read in _readers(self.model).items():
            value = record.get(name)
            if value is not None:
                values[name] = read(value) if read else value
            elif name in record:
                values[name] = None
        return self.model(**values)


EXECUTION = TableLayout(
    "execution",
    Execution,
    "execution_id",
    frozenset(
        [
            "root_id",
            "type",
            "flow_name",
            "flow_version",
            "created_at",
            "parent_id",
            "depth",
            "call_key",
            "retry_of",
            "inputs",
            "defaults",
            "environment",
            "on_lost",
            "cell_timeout",
            "started_by",
            "wrapped",
            "parks",
            "keeps_kernel",
            "is_interactive",
            "is_attended",
            "replaced_inputs",
            "variables",
        ]
    ),
)
CELL_RUN = TableLayout(
    "cell_run",
    CellRun,
    "cell_run_id",
    frozenset(
        [
            "execution_id",
            "root_id",
            "cell_id",
            "cell_index",
            "cell_number",
            "first_line",
            "source_hash",
            "started_at",
        ]
    ),
)
MESSAGE = TableLayout(
    "message",
    Message,
    "message_id",
    frozenset(
        [
            "execution_id",
            "root_id",
            "subject",
            "message_type",
            "created_at",
            "call_key",
            "about_id",
            "expires_at",
            "outlives",
        ]
    ),
    frozenset(["message"]),
)
EVENT = TableLayout("event", Event, "event_id")
FLOW = TableLayout("flow", Flow, "name")
LOG_COLUMNS = ["seq", "execution_id", "root_id", "happened_at", "stream", "text"]


def version_of(record: Mapping[str, Any]) -> FlowVersion:
    """The flow version of a row."""
    parameters = record["parameters"]
    values = {**record, "parameters": parameters and json.loads(parameters)}
    return FlowVersion.from_json(values)


def log_row(event: Event) -> Row:
    """The row of the table `log` for an event of kind LOGGED: see `LOG_COLUMNS`."""
    stream, text = (str(event.payload.get(name, "")) for name in ("stream", "text"))
    moment = stored_moment(event.happened_at)
    return (event.seq, event.execution_id, event.root_id, moment, stream, text)


def log_event(record: Mapping[str, Any]) -> Event:
    """The reverse of `log_row`, but for `event_id` and `actor`, which no column keeps."""
    return Event(
        event_id="",
        execution_id=str(record["execution_id"]),
        kind=EventKind.LOGGED,
        happened_at=record["happened_at"].replace(tzinfo=UTC),
        payload={"stream": record["stream"], "text": record["text"]},
        root_id=str(record["root_id"]),
        seq=record["seq"],
    )


def check_fits(record: JsonRecord) -> None:
    """Refuse a value that its column cannot hold: it would block all later writes.

    Raises:
        ValueError: A value is not of the type of its field, or too large.
    """
    for name, hint in field_types(type(record)).items():
        value = getattr(record, name)
        if value is None or hint is Any or type(value) is hint is str:
            continue
        if isinstance(value, JsonRecord):
            check_fits(value)
        elif not isinstance(value, (int, float) if hint is float else hint):
            raise ValueError(f"{name} is {value!r}, which is no {hint.__name__}")
        elif hint is int and not -LARGEST <= value <= LARGEST and name != "last_seq":
            raise ValueError(f"{name} is {value}, which is too large")


def stored_moment(moment: datetime) -> datetime:
    """A moment as the tables have it: in UTC, without a time zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


LARGEST = 2**31 - 1  #: The largest number that an INTEGER column can hold.


def is_json(hint: Any) -> bool:
    """Whether a field of this type holds JSON values: `Json`, or a dict."""
    return hint is Any or get_origin(hint) is dict


def is_record(hint: Any) -> bool:
    """Whether a field of this type holds a record, which its column has as JSON."""
    return isinstance(hint, type) and issubclass(hint, JsonRecord)


def _light(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):{MOMENT}}"
    return value[:LIGHT_TEXT] if isinstance(value, str) else value


def _writer(hint: Any) -> Callable[[Any], Any] | None:
    """What turns the value of a field into that of its column; None: nothing."""
    if is_json(hint):
        return dumps
    if hint is datetime:
        return stored_moment
    if is_record(hint):
        return lambda value: dumps(value.to_json())
    return str if isinstance(hint, type) and issubclass(hint, StrEnum) else None


Readers = dict[str, Callable[[Any], Any] | None]
_READERS: dict[type, Readers] = {}


def _readers(model: type) -> Readers:
    """What turns the value of each column into that of its field; None: nothing."""
    if model not in _READERS:
        types = field_types(model).items()
        _READERS[model] = {name: _reader(hint) for name, hint in types}
    return _READERS[model]


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    if is_json(hint):
        return json.loads
    if hint is datetime:
        return aware
    if hint is str:  # A UUID column gives no text.
        return str
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    if is_record(hint):
        read = partial(_record, hint)
        # There are few environments, in very many rows.
        return lru_cache(1_000)(read) if hint is Environment else read
    return None


def _record(model: type[T], text: str) -> T:
    return model.from_json(json.loads(text))


def aware(moment: datetime) -> datetime:
    """A moment of the tables with its time zone, which is UTC."""
    return moment.replace(tzinfo=UTC)
