"""A record: a frozen dataclass that is sent and stored as a JSON object."""

from collections.abc import Mapping, Set
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from types import UnionType
from typing import Any, ClassVar, Self, get_args, get_type_hints

Json = Any  #: None, bool, int, float, str, a list of Json, or a dict from str to Json.


class JsonRecord:
    """A frozen dataclass that is sent and stored as a JSON object, field by field."""

    #: Fields that the JSON object does not have while they are None.
    left_out: ClassVar[Set[str]] = frozenset()
    #: What fields were called in older versions, and what they are called now.
    former_names: ClassVar[Mapping[str, str]] = {}

    def to_json(self) -> dict[str, Json]:
        """Moments as ISO 8601 in UTC, nested records as objects."""
        values = {name: getattr(self, name) for name in field_types(type(self))}
        return {
            name: _to_json(value)
            for name, value in values.items()
            if value is not None or name not in self.left_out
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Json]) -> Self:
        """The reverse of `to_json`; fields that this version does not know are ignored."""
        hints = field_types(cls)
        for former, name in cls.former_names.items():
            if former in record and name not in record:
                record = {**record, name: record[former]}
        values = {
            name: _from_json(hints[name], record[name])
            for name in hints
            if name in record
        }
        return cls(**values)


_FIELD_TYPES: dict[type, dict[str, Any]] = {}


def field_types(cls: type) -> dict[str, Any]:
    """The type of each field of a record, by name; for `X | None` it is X."""
    if cls not in _FIELD_TYPES:
        hints = get_type_hints(cls)
        names = [item.name for item in fields(cls)]
        _FIELD_TYPES[cls] = {name: _without_none(hints[name]) for name in names}
    return _FIELD_TYPES[cls]


def _without_none(hint: Any) -> Any:
    return get_args(hint)[0] if isinstance(hint, UnionType) else hint


def _to_json(value: Any) -> Json:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.to_json() if isinstance(value, JsonRecord) else value


def _from_json(hint: Any, value: Json) -> Any:
    if value is None:
        return None
    if hint is datetime:
        return datetime.fromisoformat(value).astimezone(UTC)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if isinstance(hint, type) and issubclass(hint, JsonRecord):
        return hint.from_json(value)
    return value
