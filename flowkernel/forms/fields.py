"""What can be filled in, element by element, and what fits. Pure."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

import regex
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from flowkernel.core.errors import BadAnswer, BadForm
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json

PATTERN_SECONDS = 0.5  #: How long one pattern may be tried.
LONGEST_SHOWN = 60  #: Characters of a value that a sentence shows, inclusive.
DAY = r"\d{4}-\d\d-\d\d"
HOUR = r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?"
ZONE = r"(Z|[+-]\d\d:\d\d)?"


class Element(StrEnum):
    """What a property of a form is to the person who fills it in."""

    STRING = "string"
    TEXTAREA = "textarea"  #: Text of several lines.
    CODE = "code"  #: Source, shown in a fixed width.
    PASSWORD = "password"  #: Never recorded.
    NUMBER = "number"
    TOGGLE = "toggle"  #: True or false.
    DATE = "date"  #: 2026-01-31
    TIME = "time"  #: 18:00, or 18:00:30
    DATE_TIME = "date-time"  #: 2026-01-31T18:00, with a zone if it has one
    DROPDOWN = "dropdown"  #: One of `enum`.
    MULTI_SELECT = "multi-select"  #: Some of `items.enum`.
    FILE = "file"  #: {"name": ..., "content": base64}
    JSON = "json"  #: Any value, written as JSON.
    MARKDOWN = "markdown"  #: A text to read.
    SUBMIT = "submit"  #: A button.

    @property
    def is_asked(self) -> bool:
        """Whether there is something to fill in."""
        return self not in (Element.MARKDOWN, Element.SUBMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One property of a form."""

    name: str
    element: Element
    label: str
    order: float
    asked: Mapping[str, Json]  #: The property as it was given.

    @property
    def default(self) -> Json:
        """What is there before anything is filled in; None: nothing."""
        return self.asked.get("default")

    @property
    def choices(self) -> list[Json]:
        """What can be chosen from."""
        items = self.asked.get("items")
        within = items.get("enum") if isinstance(items, dict) else None
        found: list[Json] = self.asked.get("enum") or within or []
        return found


def is_empty(value: Json) -> bool:
    """Whether there is nothing."""
    return value is None or value == "" or value == []


def is_blank(value: Json) -> bool:
    """Whether there is nothing, or nothing but blanks."""
    return is_empty(value) or (isinstance(value, str) and not value.strip())


def fitting(field: Field, value: Json) -> Json:
    """What stands in a field; its default if nothing does.

    Raises:
        BadAnswer: It does not fit; says why, and how it could be written.
    """
    if value is None:
        value = field.default
    if is_empty(value):
        return None
    shape = SHAPES.get(field.element)
    if shape is not None:
        value = shape(field, value)
    if (wrong := _over_limits(field, value)) is not None:
        if field.element is Element.PASSWORD:  # Never in a sentence.
            raise BadAnswer(f"{field.label} is not as it has to be.")
        raise BadAnswer(f"{field.label}{wrong}.")
    return value


def _over_limits(field: Field, value: Json) -> str | None:
    """What is wrong with a value that has the right shape; None: nothing."""
    example = field.asked.get("example")
    if isinstance(value, str) and "pattern" in field.asked:
        try:
            found = regex.search(
                field.asked["pattern"], value, timeout=PATTERN_SECONDS, concurrent=True
            )
        except TimeoutError:
            return " cannot be checked: the pattern of its form takes too long"
        if found is None:
            like = example if example is not None else field.asked["pattern"]
            return f" is {_shown(value)}; write it like {like}"
    try:
        for error in Draft202012Validator(limits(field)).iter_errors(value):
            return f": {error.message}"
    except ArithmeticError:  # A number that no float can hold.
        return f" is {_shown(value)}, which is too large"
    return None


def check_limits(field: Field) -> None:
    """Refuse limits that are none.

    Raises:
        BadForm: Says which field is at fault.
    """
    try:
        Draft202012Validator.check_schema(limits(field))
        if "pattern" in field.asked:
            regex.compile(field.asked["pattern"])
    except SchemaError as error:
        raise BadForm(f"{field.name!r}: {error.message}.") from error
    except (regex.error, TypeError) as error:
        raise BadForm(
            f"The pattern of {field.name!r} cannot be read: {error}."
        ) from error


def _shown(value: Json) -> str:
    """A value in a sentence: as JSON, for that is how it was given."""
    text = dumps(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


#: Keywords of a JSON schema that mean the same in a form.
LIMITS = frozenset(
    "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength "
    "minItems maxItems".split()
)


def limits(field: Field) -> dict[str, Any]:
    """Its limits, as a JSON schema."""
    return {name: value for name, value in field.asked.items() if name in LIMITS}


def _text(field: Field, value: Json) -> str:
    if not isinstance(value, str):
        shown = "hidden" if field.element is Element.PASSWORD else _shown(value)
        raise BadAnswer(f"{field.label} is {shown}; it must be text.")
    return value


def _number(field: Field, value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadAnswer(f"{field.label} is {_shown(value)}; it must be a number.")
    if field.asked.get("type") == "integer" and value != int(value):
        raise BadAnswer(f"{field.label} is {_shown(value)}; it must be a whole number.")
    return int(value) if field.asked.get("type") == "integer" else value


def _toggle(field: Field, value: Json) -> bool:
    if not isinstance(value, bool):
        raise BadAnswer(f"{field.label} is {_shown(value)}; it must be true or false.")
    return value


def _moment(
    read: Callable[[str], date | time], shape: str, example: str
) -> Callable[[Field, Json], str]:
    """A check for days and hours: whatever fits is kept in one way of writing."""

    def check(field: Field, value: Json) -> str:
        text = _text(field, value).strip()
        try:
            if re.fullmatch(shape, text) is None:
                raise ValueError
            return _written(read(text))
        except ValueError:
            raise BadAnswer(
                f"{field.label} is {_shown(text)}; write it like {example}."
            ) from None

    return check


def _written(moment: date | time) -> str:
    if isinstance(moment, datetime | time) and not (
        moment.second or moment.microsecond
    ):
        return moment.isoformat(timespec="minutes")
    return moment.isoformat()


def _choice(field: Field, value: Json) -> Json:
    if not any(value == one and type(value) is type(one) for one in field.choices):
        raise BadAnswer(
            f"{field.label} is {_shown(value)}; choose {_some(field.choices)}."
        )
    return value


def _choices(field: Field, value: Json) -> Json:
    if not isinstance(value, list):
        raise BadAnswer(
            f"{field.label} is {_shown(value)}; it must be a list of choices."
        )
    known = {dumps(one) for one in field.choices}
    for one in value:
        if dumps(one) not in known:
            _choice(field, one)
    return list({dumps(one): one for one in value}.values())


def _some(choices: list[Json]) -> str:
    shown = ", ".join(repr(one) for one in choices[:10])
    return f"one of {shown}" + (", ..." if len(choices) > 10 else "")


def _file(field: Field, value: Json) -> Json:
    if not isinstance(value, dict) or set(value) != {"name", "content"}:
        raise BadAnswer(
            f"{field.label} must be a file: its `name`, and its `content` in base64."
        )
    name, content = _text(field, value["name"]), _text(field, value["content"])
    if not name or name in (".", "..") or any(c in "/\\\0" for c in name):
        raise BadAnswer(f"{field.label} has the name {name!r}, which no file can have.")
    try:
        base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise BadAnswer(f"{field.label}: its content is not base64.") from None
    return {"name": name, "content": content}


SHAPES: dict[Element, Callable[[Field, Json], Json]] = {
    Element.STRING: _text,
    Element.TEXTAREA: _text,
    Element.CODE: _text,
    Element.PASSWORD: _text,
    Element.NUMBER: _number,
    Element.TOGGLE: _toggle,
    Element.DATE: _moment(date.fromisoformat, DAY, "2026-01-31"),
    Element.TIME: _moment(time.fromisoformat, HOUR, "18:00"),
    Element.DATE_TIME: _moment(
        datetime.fromisoformat, f"{DAY}[T ]{HOUR}{ZONE}", "2026-01-31T18:00"
    ),
    Element.DROPDOWN: _choice,
    Element.MULTI_SELECT: _choices,
    Element.FILE: _file,
}
