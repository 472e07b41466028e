"""Models to rows and back. Moments are naive UTC in a row and aware in a model."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache, partial
from operator import attrgetter
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from flowkernel.core.json_values import dumps
from flowkernel.core.models import (
    CellRun,
    Environment,
    Event,
    EventKind,
    Execution,
    Flow,
    JsonRecord,
    Message,
)

T = TypeVar("T", bound=JsonRecord)
Row = tuple[Any, ...]


@dataclass(frozen=True)
class TableLayout(Generic[T]):
    """A table whose columns are the fields of a model."""

    name: str
    model: type[T]
    key: str
    fixed: frozenset[str] = frozenset()  #: Columns that an update leaves alone.

    @property
    def columns(self) -> list[str]:
        """In the order of the fields."""
        return [item.name for item in fields(self.model)]  # type: ignore[arg-type]

    @property
    def changing(self) -> list[str]:
        """The key, and every column that an update writes."""
        return [name for name in self.columns if name not in self.fixed]

    def rows(self, values: Iterable[T], columns: Sequence[str]) -> list[Row]:
        """The values of these columns, for each of these."""
        hints = get_hints(self.model)
        parts = [(attrgetter(name), _writer(hints[name])) for name in columns]
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
        """The model that a row of this table stands for. What is not in it is left out."""
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
        "root_id type flow_name flow_version created_at parent_id depth call_key retry_of "
        "inputs environment on_lost cell_timeout started_by wrapped parks "
        "is_interactive".split()
    ),
)
CELL_RUN = TableLayout(
    "cell_run",
    CellRun,
    "cell_run_id",
    frozenset("execution_id root_id cell_id cell_index source_hash started_at".split()),
)
MESSAGE = TableLayout(
    "message",
    Message,
    "message_id",
    frozenset(
        "execution_id root_id subject message_type created_at call_key about_id "
        "expires_at".split()
    ),
)
EVENT = TableLayout("event", Event, "event_id")
FLOW = TableLayout("flow", Flow, "name")
LOG_COLUMNS = ["seq", "execution_id", "root_id", "happened_at", "stream", "text"]


def log_row(event: Event) -> Row:
    """A row of `log` for an event of kind LOGGED."""
    said = event.payload
    at = stored_at(event.happened_at)
    ids = (event.execution_id, event.root_id)
    return (event.seq, *ids, at, str(said.get("stream", "")), str(said.get("text", "")))


def logged(record: Mapping[str, Any]) -> Event:
    """The reverse of `log_row`. Who logged, and the event's id, are not kept."""
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
    """Refuse what its column cannot hold: it would keep all that follows from the tables.

    Raises:
        ValueError: A value is not of the type of its field, or too large.
    """
    for name, hint in get_hints(type(record)).items():
        value = getattr(record, name)
        if value is None or hint is Any or type(value) is hint is str:
            continue
        if isinstance(value, JsonRecord):
            check_fits(value)
        elif not isinstance(value, (int, float) if hint is float else hint):
            raise ValueError(f"{name} is {value!r}, which is no {hint.__name__}")
        elif hint is int and not -LARGEST <= value <= LARGEST and name != "last_seq":
            raise ValueError(f"{name} is {value}, which is too large")


def stored_at(moment: datetime) -> datetime:
    """A moment as the store has it: naive, in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)


LARGEST = 2**31 - 1  #: Of a column of whole numbers.
_HINTS: dict[type, dict[str, Any]] = {}


def get_hints(model: type) -> dict[str, Any]:
    """The type of each field; of `X | None`, X."""
    if model not in _HINTS:
        hints = get_type_hints(model)
        _HINTS[model] = {item.name: _bare(hints[item.name]) for item in fields(model)}
    return _HINTS[model]


def is_json(hint: Any) -> bool:
    """Whether a field of this type holds JSON values: `Json`, or a dict."""
    return hint is Any or get_origin(hint) is dict


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if isinstance(hint, UnionType) else hint


def _writer(hint: Any) -> Callable[[Any], Any] | None:
    """How the value of a column is written; None: as it is."""
    if is_json(hint):
        return dumps
    if hint is datetime:
        return stored_at
    if isinstance(hint, type) and issubclass(hint, JsonRecord):
        return lambda value: dumps(value.to_json())
    return str if isinstance(hint, type) and issubclass(hint, StrEnum) else None


Readers = dict[str, Callable[[Any], Any] | None]
_READERS: dict[type, Readers] = {}


def _readers(model: type) -> Readers:
    """How the value of each column is read; None: as it is."""
    if model not in _READERS:
        hints = get_hints(model).items()
        _READERS[model] = {name: _reader(name, hint) for name, hint in hints}
    return _READERS[model]


def _reader(name: str, hint: Any) -> Callable[[Any], Any] | None:
    if is_json(hint):
        return json.loads
    if hint is datetime:
        return _aware
    if name.endswith("_id") or name == "retry_of":
        return str
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    if isinstance(hint, type) and issubclass(hint, JsonRecord):
        read = partial(_record, hint)
        return lru_cache(1_000)(read) if hint is Environment else read
    return None


def _record(model: type[T], text: str) -> T:
    return model.from_json(json.loads(text))


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
