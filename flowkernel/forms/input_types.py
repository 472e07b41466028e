"""The types of parameters as pydantic checks them: with no guess that people do not expect.

Text stays text. A day is written as a day, never as a number of seconds. True is no number.
"""

import ast
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from flowkernel.core.annotation_types import KNOWN_TYPES, parse_annotation, type_of
from flowkernel.core.errors import BadValue
from flowkernel.core.json_values import dumps, is_number, plain_json
from flowkernel.core.models import Json
from flowkernel.core.signature import Parameter
from flowkernel.core.source_names import SourceNames

#: What a parameter takes, in words, by its type.
WORDS: Mapping[str, str] = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "date": "a day, as 2026-01-31",
    "datetime": "a moment, as 2026-01-31T18:00",
    "Timestamp": "a moment, as 2026-01-31T18:00",
    "time": "an hour, as 18:00",
    "timedelta": "a number of seconds",
    "Decimal": "a number",
    "UUID": "a UUID",
    "Path": "a path, as text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "dict": "an object of names and values",
}


def _text(value: object) -> object:
    """Text; a number in its own digits."""
    return dumps(value) if is_number(value) else value


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return value


def _of_iso_text(read: Callable[[str], Any]) -> Callable[[object], object]:
    """Reads text as ISO 8601, also in digits alone: 20260131."""

    def parse(value: object) -> object:
        text = _text(value)
        if not isinstance(text, str):
            raise ValueError("it is no text")
        return read(text.strip())

    return parse


def _day(text: str) -> date:
    """The day of a text; a moment at midnight is a day, too."""
    moment = datetime.fromisoformat(text)
    if moment.time() != time():
        raise ValueError("it has an hour")
    return moment.date()


DAY = Annotated[date, BeforeValidator(_of_iso_text(_day))]
MOMENT = Annotated[datetime, BeforeValidator(_of_iso_text(datetime.fromisoformat))]
HOUR = Annotated[time, BeforeValidator(_of_iso_text(time.fromisoformat))]
SPAN = Annotated[timedelta, BeforeValidator(_no_bool)]
TEXT = Annotated[str, BeforeValidator(_text)]
WHOLE = Annotated[int, BeforeValidator(_no_bool)]
NUMBER = Annotated[float, BeforeValidator(_no_bool)]
DECIMAL = Annotated[Decimal, BeforeValidator(_no_bool)]
PATH = Annotated[Path, BeforeValidator(_text)]
#: In place of the types of `annotation_types`.
CHECKED: Mapping[Any, Any] = {
    **{str: TEXT, int: WHOLE, float: NUMBER, Decimal: DECIMAL, Path: PATH},
    **{set: list, date: DAY, datetime: MOMENT, time: HOUR, timedelta: SPAN},
}
CHECKED_TYPES = {name: CHECKED.get(type_, type_) for name, type_ in KNOWN_TYPES.items()}
#: Read from the text that was typed, rather than from the value that it looks like.
OF_TEXT = frozenset({TEXT, DECIMAL, PATH, DAY, MOMENT, HOUR, UUID})


#: The element of a form for each type, as a property of JSON Schema.
ELEMENTS: Mapping[Any, dict[str, Json]] = {
    bool: {"element": "toggle"},
    WHOLE: {"element": "number", "type": "integer"},
    NUMBER: {"element": "number"},
    SPAN: {"element": "number"},
    DAY: {"element": "date"},
    MOMENT: {"element": "date-time"},
    HOUR: {"element": "time"},
    **{type_: {"element": "string"} for type_ in (TEXT, PATH, DECIMAL, UUID)},
}


class InputType:
    """What one parameter takes, and how it is converted."""

    def __init__(self, parameter: Parameter, names: SourceNames) -> None:
        node = parse_annotation(parameter.type)
        hint = type_of(node, names, CHECKED_TYPES)
        self._words = _words(node, hint, names)
        if parameter.is_inferred and hint is not Any:
            if hint is WHOLE:  # 2.5 is taken, too, where the default is 2.
                self._words = WORDS["float"]
            hint = (hint if hint not in (WHOLE, NUMBER) else WHOLE | NUMBER) | None
        #: Whether nothing is known of it: any value fits.
        self.takes_any = hint is Any
        self._alternatives = _alternatives(hint)
        self._is_of_text = self._alternatives - {NoneType} <= OF_TEXT
        self._adapter = TypeAdapter[Any](hint)

    @property
    def words(self) -> str:
        """What it takes, for a sentence."""
        return self._words

    @property
    def element(self) -> dict[str, Json] | None:
        """The element of a form for it; None: any value, as JSON."""
        types = self._alternatives - {NoneType}
        if types == {WHOLE, NUMBER}:
            return ELEMENTS[NUMBER]
        [*hints] = types if len(types) == 1 else ()
        values = [value for hint in hints for value in _literals(hint)]
        if values:
            return {"element": "dropdown", "enum": values}
        return ELEMENTS.get(hints[0]) if hints else None

    def to_json(self) -> dict[str, Json]:
        """What a form needs to ask for it: see docs/reference/parameters.md."""
        element = self.element
        return {
            "element": None if element is None else dict(element),
            "takes_null": self.takes_any or NoneType in self._alternatives,
            "words": self.words,
        }

    def takes(self, value: Json) -> bool:
        """Whether a value is one already, or none."""
        try:
            return value is None or self.convert(value) == value
        except ValueError:
            return False

    def convert(self, value: Json, text: str | None = None) -> Json:
        """The value as JSON, in the form of this type.

        Args:
            text: What a person typed, if it is not the JSON of the value.

        Raises:
            ValueError: It does not fit.
        """
        if self.takes_any or (value is None and NoneType in self._alternatives):
            return value
        if text is None and isinstance(value, int | float):
            text = None if isinstance(value, bool) else dumps(value)
        candidates = [value] if text is None else [value, text]
        if self._is_of_text:
            candidates.reverse()
        *first_choices, last = candidates
        for candidate in first_choices:
            try:
                return self._converted(candidate)
            except ValueError:
                continue
        return self._converted(last)

    def _converted(self, value: Json) -> Json:
        try:
            converted = self._adapter.validate_python(value)
            if isinstance(converted, float) and not isfinite(converted):
                return str(
                    converted
                )  # "nan", "inf" or "-inf": JSON has no such numbers.
            return plain_json(converted, "inputs")
        except (ValidationError, BadValue) as error:
            raise ValueError(str(error)) from error


def _alternatives(hint: Any) -> frozenset[Any]:
    """The types of a union; of another type itself."""
    is_union = get_origin(hint) in (Union, UnionType)
    return frozenset(get_args(hint) if is_union else [hint])


def _words(node: ast.expr | None, hint: Any, names: SourceNames) -> str:
    """What a type takes, in words."""
    if isinstance(node, ast.BinOp):
        parts = [(part, type_of(part, names)) for part in (node.left, node.right)]
        return " or ".join(_words(part, hint, names) for part, hint in parts)
    if isinstance(node, ast.Constant) and node.value is None:
        return "none"
    values = [v for part in _alternatives(hint) for v in _literals(part)]
    if values:
        return f"one of {', '.join(map(repr, values))}"
    name = names.known_name(node) if node is not None else None
    if name is not None and name in WORDS:
        return WORDS[name]
    return "of the type " + ("Any" if node is None else ast.unparse(node))


def _literals(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) is Literal else ()
