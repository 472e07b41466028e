"""The elements of forms: what people can fill in, and which values fit.

One class for each element. All that shows a form or checks a response follows from it; only how
a widget draws the element is in `widgets/field_widgets.py`. To add an element, write its class
here: a subclass of `Field` that names its `element` is in `ELEMENTS`. A property that names no
element is the last of these classes that `suits` it, so their order counts.

Pure, except that a file whose path was typed is read.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import ClassVar

from flowkernel.core.cell_syntax import cell_problem
from flowkernel.core.errors import BadAnswer, BadForm, FileMissing
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.forms.base_field import ELEMENTS as ELEMENTS
from flowkernel.forms.base_field import Field
from flowkernel.forms.literals import value_of
from flowkernel.forms.schema_limits import shortened_json

MAX_CHOICES = 10_000  #: Of one field, inclusive.
CHOICES_SHOWN = 10  #: Of them in a sentence, inclusive.
PYTHON = "python"  #: The language of a source that can be checked.
DAY = r"\d{4}-\d\d-\d\d"
HOUR = r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?"
ZONE = r"(Z|[+-]\d\d:\d\d)?"


class StringField(Field, element="string"):
    """A text of one line."""

    hint = ""  # A text is what people expect.

    @classmethod
    def suits(cls, json_type: str, schema: Mapping[str, Json]) -> bool:
        """Every property of the type `string`, which is also the default type."""
        return json_type == "string"


class TextareaField(Field, element="textarea"):
    """A text of several lines."""

    kind = "text of several lines"
    is_multiline = True


class CodeField(Field, element="code"):
    """Source, shown in a fixed width; its `language` may be `python`."""

    kind = "source"
    is_multiline = True

    def doubt(self, value: Json) -> str:
        """Why an edited cell is not valid Python, if it is one of Python."""
        is_python = self.schema.get("language") == PYTHON
        if not is_python or not isinstance(value, str) or value == self.default:
            return ""
        return cell_problem(value)


class FormatField(Field):
    """A base class: text that a JSON schema describes by its `format`."""

    @classmethod
    def suits(cls, json_type: str, schema: Mapping[str, Json]) -> bool:
        """A string whose `format` is the name of the element."""
        return json_type == "string" and schema.get("format") == cls.element


class PasswordField(FormatField, element="password"):
    """A text that is never recorded: only the flow gets it."""

    kind = "a password, asked for on a terminal"
    is_secret = True


class LiteralField(Field):
    """A base class: a value that is typed as a constant, a number or JSON."""

    def parse(self, text: str) -> Json:
        """The value; text that is none of these stays text."""
        return value_of(text, self.name)


class NumberField(LiteralField, element="number"):
    """A number; with `"type": "integer"`, a whole one."""

    @classmethod
    def suits(cls, json_type: str, schema: Mapping[str, Json]) -> bool:
        """A property of the type `number` or `integer`."""
        return json_type in ("number", "integer")

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers fit."""
        return self.schema.get("type") == "integer"

    def expected(self) -> str:
        """With its limits, as *a number from 1 to 3*."""
        low, high = self.schema.get("minimum"), self.schema.get("maximum")
        limits = f" from {low}" if low is not None else ""
        limits += f" to {high}" if high is not None else ""
        return ("a whole number" if self.is_whole else "a number") + limits

    def convert(self, value: Json) -> Json:
        """A float, or an int if it must be whole."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadAnswer(
                f"{self.label} is {shortened_json(value)}; it must be "
                f"{'a whole number' if self.is_whole else 'a number'}."
            )
        if self.is_whole and value != int(value):
            raise BadAnswer(
                f"{self.label} is {shortened_json(value)}; it must be a whole number."
            )
        return int(value) if self.is_whole else value


class ToggleField(LiteralField, element="toggle"):
    """True or false."""

    kind = "true or false"

    @classmethod
    def suits(cls, json_type: str, schema: Mapping[str, Json]) -> bool:
        """A property of the type `boolean`."""
        return json_type == "boolean"

    def convert(self, value: Json) -> Json:
        """A bool."""
        if not isinstance(value, bool):
            raise BadAnswer(
                f"{self.label} is {shortened_json(value)}; it must be true or false."
            )
        return value


class MomentField(FormatField):
    """A base class: text for a day, an hour or both, recorded in one way of writing."""

    example: ClassVar[str]
    pattern: ClassVar[str]
    moment_type: ClassVar[type[date] | type[time]]

    def convert(self, value: Json) -> Json:
        """The text, without seconds if these are zero."""
        text = str(super().convert(value)).strip()
        try:
            if re.fullmatch(self.pattern, text) is None:
                raise ValueError
            return _iso_text(self.moment_type.fromisoformat(text))
        except ValueError:
            raise BadAnswer(
                f"{self.label} is {shortened_json(text)}; write it like {self.example}."
            ) from None


def _iso_text(moment: date | time) -> str:
    if isinstance(moment, datetime | time) and not (
        moment.second or moment.microsecond
    ):
        return moment.isoformat(timespec="minutes")
    return moment.isoformat()


class DateField(MomentField, element="date"):
    """A day."""

    kind = "a day, as 2026-01-31"
    example = "2026-01-31"
    pattern = DAY
    moment_type = date


class TimeField(MomentField, element="time"):
    """An hour, with minutes, and with seconds if need be."""

    kind = "an hour, as 18:00"
    example = "18:00"
    pattern = HOUR
    moment_type = time


class DateTimeField(MomentField, element="date-time"):
    """A day and an hour, with a zone if it has one."""

    kind = "a moment, as 2026-01-31T18:00"
    example = "2026-01-31T18:00"
    pattern = f"{DAY}[T ]{HOUR}{ZONE}"
    moment_type = datetime


class FileField(Field, element="file"):
    """A file: `{"name": ..., "content": ...}`, in base64."""

    kind = "the path of a file"

    def parse(self, text: str) -> Json:
        """The file of this path; or the object itself, as JSON."""
        if text.startswith("{"):
            return value_of(text, self.name)
        path = Path(text).expanduser()
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise FileMissing(f"{text!r} cannot be read: {reason}.") from error
        return {"name": path.name, "content": base64.b64encode(content).decode()}

    def convert(self, value: Json) -> Json:
        """The object, if its name is a file name and its content is base64."""
        if not isinstance(value, dict) or set(value) != {"name", "content"}:
            raise BadAnswer(
                f"{self.label} must be a file: its `name`, and its `content` in base64."
            )
        name, content = (
            str(Field.convert(self, value[k])) for k in ("name", "content")
        )
        if not name or name in (".", "..") or any(c in "/\\\0" for c in name):
            raise BadAnswer(
                f"{self.label} has the name {name!r}, which no file can have."
            )
        try:
            base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            raise BadAnswer(f"{self.label}: its content is not base64.") from None
        return {"name": name, "content": content}


class JsonField(LiteralField, element="json"):
    """Any value, written as JSON; with `by_name`, the values of its default one by one."""

    kind = "JSON"

    @classmethod
    def suits(cls, json_type: str, schema: Mapping[str, Json]) -> bool:
        """A property of the type `object`; an `array`, unless it has choices."""
        return json_type in ("object", "array")

    @property
    def parts(self) -> dict[str, Json] | None:
        """The default, if it is an object: a terminal asks for each of its values."""
        return self.default if isinstance(self.default, dict) else None

    @property
    def parts_by_name(self) -> dict[str, Json]:
        """The default, if a widget has a field for each of its values, too; else empty."""
        return (self.parts or {}) if self.schema.get("by_name") is True else {}

    def convert(self, value: Json) -> Json:
        """The value, whatever it is."""
        return value


class MarkdownField(Field, element="markdown"):
    """A text to read: its `description`."""

    is_input = False


class SubmitField(Field, element="submit"):
    """A button; with `confirm`, a question is asked before it counts."""

    is_input = False
    is_button = True

    @property
    def confirm(self) -> str:
        """The question, which a person answers with Yes or No; empty: none."""
        question = self.schema.get("confirm")
        return question if isinstance(question, str) else ""


class ChoiceField(Field):
    """A base class: something to choose from."""

    @property
    def choices(self) -> list[Json]:
        """What can be chosen."""
        items = self.schema.get("items")
        item_choices = items.get("enum") if isinstance(items, dict) else None
        choices: list[Json] = self.schema.get("enum") or item_choices or []
        return choices

    def check_schema(self) -> None:
        """There must be choices, and not too many."""
        choices = self.choices
        if not isinstance(choices, list) or not 0 < len(choices) <= MAX_CHOICES:
            raise BadForm(
                f"{self.name!r} is a {self.element}; it needs `enum`, a list of 1 to "
                f"{MAX_CHOICES:,} choices."
            )
        super().check_schema()

    def parse_choice(self, text: str) -> Json:
        """The choice that is this text, else the value that it means."""
        return text if text in self.choices else value_of(text, self.name)

    def check_choice(self, value: Json) -> None:
        """Refuse a value that is not among the choices."""
        if any(value == c and type(value) is type(c) for c in self.choices):
            return
        text = shortened_json(value)
        raise BadAnswer(
            f"{self.label} is {text}; choose one of {self.choices_text(repr)}."
        )

    def choices_text(self, write: Callable[[Json], str] = dumps) -> str:
        """The first choices, with commas between them."""
        tail = ", ..." if len(self.choices) > CHOICES_SHOWN else ""
        return ", ".join(map(write, self.choices[:CHOICES_SHOWN])) + tail


class MultiSelectField(ChoiceField, element="multi-select"):
    """Some of `items.enum`."""

    @classmethod
    def suits(cls, json_type: str, schema: Mapping[str, Json]) -> bool:
        """A property of the type `array` whose items have choices."""
        items = schema.get("items")
        has_choices = isinstance(items, dict) and bool(items.get("enum"))
        return json_type == "array" and has_choices

    def expected(self) -> str:
        """With the first choices."""
        return f"some of {self.choices_text()}, with commas between them"

    def parse(self, text: str) -> Json:
        """The choices, from text with commas between them or from a JSON list."""
        if text.startswith("["):
            return value_of(text, self.name)
        return [self.parse_choice(part.strip()) for part in text.split(",")]

    def convert(self, value: Json) -> Json:
        """The list, each choice once."""
        if not isinstance(value, list):
            raise BadAnswer(
                f"{self.label} is {shortened_json(value)}; it must be a list of choices."
            )
        choices = {dumps(choice) for choice in self.choices}
        unique = {dumps(item): item for item in value}
        for text, item in unique.items():
            if text not in choices:
                self.check_choice(item)
        return list(unique.values())


class DropdownField(ChoiceField, element="dropdown"):
    """One of `enum`."""

    @classmethod
    def suits(cls, json_type: str, schema: Mapping[str, Json]) -> bool:
        """Every property with an `enum`, whatever its type."""
        return "enum" in schema

    def expected(self) -> str:
        """With the first choices."""
        return f"one of {self.choices_text()}"

    def parse(self, text: str) -> Json:
        """The choice."""
        return self.parse_choice(text)

    def convert(self, value: Json) -> Json:
        """The choice, if it is one."""
        self.check_choice(value)
        return value
