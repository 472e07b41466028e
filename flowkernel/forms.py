"""Forms: what a message may ask, and whether an answer fits. Pure.

A form is a JSON schema of an object. Each property is an element: something to fill in, a
text to read, or a button. Several `submit` elements are several buttons; the one that is
pressed is true in the response. `required: []` on a button lets it be pressed with nothing
filled in ("I have no account").
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Self

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from flowkernel.errors import BadAnswer, BadForm
from flowkernel.jsonvalue import checked
from flowkernel.models import Json

MAX_ELEMENTS = 100  #: Of one form, inclusive.
MAX_CHOICES = 10_000  #: Of one dropdown, inclusive.
HIDDEN = "(hidden)"  #: Stands in the record for what was typed into a password.


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
        within = self.asked.get("items") or {}
        found: list[Json] = self.asked.get("enum") or within.get("enum") or []
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that can be shown and answered."""

    fields: tuple[Field, ...]  #: In the order in which they are shown.
    required: frozenset[str]

    @classmethod
    def of(cls, body: Json) -> Self:
        """The form that a message's `body` is.

        Raises:
            BadForm: It is none; says which property is at fault.
        """
        if not isinstance(body, dict) or body.get("type", "object") != "object":
            raise BadForm(
                "body must be a JSON schema of an object: "
                '{"type": "object", "properties": {...}}.'
            )
        asked = body.get("properties") or {}
        if not isinstance(asked, dict) or not 0 < len(asked) <= MAX_ELEMENTS:
            raise BadForm(
                f"body needs `properties`: an object of 1 to {MAX_ELEMENTS} elements."
            )
        fields = [_field(name, one, n) for n, (name, one) in enumerate(asked.items())]
        required = _names(body.get("required", []), "required", fields)
        fields.sort(key=lambda field: field.order)
        return cls(fields=tuple(fields), required=required)

    @property
    def buttons(self) -> list[Field]:
        """What can be pressed."""
        return [field for field in self.fields if field.element is Element.SUBMIT]

    @property
    def asked(self) -> list[Field]:
        """What can be filled in."""
        return [field for field in self.fields if field.element.is_asked]

    def needed_for(self, button: Field) -> frozenset[str]:
        """What must be filled in before that button can be pressed."""
        own = button.asked.get("required")
        return frozenset(own) if isinstance(own, list) else self.required

    def check(self, response: Json) -> dict[str, Json]:
        """The response as it is kept: what was filled in, and the button that was pressed.

        Raises:
            BadAnswer: It does not fit; says which element is at fault.
        """
        if not isinstance(response, dict):
            raise BadAnswer("An answer is an object of names and values.")
        known = {field.name: field for field in self.fields}
        if unknown := [name for name in response if name not in known]:
            there = ", ".join(field.name for field in [*self.asked, *self.buttons])
            raise BadAnswer(f"The form has no {unknown[0]!r}. It has: {there}.")
        pressed = self._pressed(response)
        given = {
            field.name: _given(field, response.get(field.name)) for field in self.asked
        }
        missing = [n for n in self.needed_for(pressed) if _is_empty(given.get(n))]
        if missing:
            labels = ", ".join(
                known[n].label for n in sorted(missing, key=list(known).index)
            )
            raise BadAnswer(f"Still to be filled in: {labels}.")
        kept = {name: value for name, value in given.items() if not _is_empty(value)}
        return {**checked(kept, "the answer"), pressed.name: True}

    def _pressed(self, response: dict[str, Json]) -> Field:
        pressed = [field for field in self.buttons if response.get(field.name)]
        if not pressed and len(self.buttons) == 1:
            return self.buttons[0]
        if len(pressed) != 1:
            names = ", ".join(field.name for field in self.buttons)
            raise BadAnswer(f"Say which button is pressed, one of: {names}.")
        return pressed[0]

    def hidden(self, response: Mapping[str, Json]) -> dict[str, Json]:
        """The response without what must not be recorded."""
        return {
            name: HIDDEN if name in self._secret else value
            for name, value in response.items()
        }

    def has_hidden(self, response: Mapping[str, Json]) -> bool:
        """Whether there is something in it that must not be recorded."""
        return any(name in self._secret for name in response)

    @property
    def _secret(self) -> set[str]:
        return {f.name for f in self.fields if f.element is Element.PASSWORD}


def body_of(
    *, message: str | None, request: str | None, body: Json, waits: bool
) -> Json:
    """The form of a message: as given, a question for one text, or an OK.

    None: it asks for nothing.
    """
    if body is not None and request is not None:
        raise BadForm("Give either `request` or `body`, not both.")
    ok = {"element": Element.SUBMIT, "label": "OK"}
    if request is not None:
        asked = {"element": Element.STRING, "label": request}
        properties: dict[str, Json] = {"string": asked, "ok": ok}
        return {"type": "object", "properties": properties, "required": ["string"]}
    if body is None:
        return {"type": "object", "properties": {"ok": ok}} if waits else None
    form = Form.of(body)
    if form.buttons:
        return body
    if "ok" in body["properties"]:
        raise BadForm("The form has no button, and `ok` is taken. Add a `submit`.")
    return {**body, "properties": {**body["properties"], "ok": ok}}


def _field(name: str, asked: Json, place: int) -> Field:
    if not isinstance(asked, dict):
        raise BadForm(f"The property {name!r} must be an object, not {asked!r}.")
    element = _element(name, asked)
    order = asked.get("order", place)
    if isinstance(order, bool) or not isinstance(order, int | float):
        raise BadForm(f"`order` of {name!r} is {order!r}; give a number.")
    label = str(asked.get("label") or asked.get("title") or _spoken(name))
    field = Field(name=name, element=element, label=label, order=order, asked=asked)
    _check_field(field)
    return field


def _check_field(field: Field) -> None:
    if field.element in (Element.DROPDOWN, Element.MULTI_SELECT):
        choices = field.choices
        if not isinstance(choices, list) or not 0 < len(choices) <= MAX_CHOICES:
            raise BadForm(
                f"{field.name!r} is a {field.element}; it needs `enum`, a list of 1 to "
                f"{MAX_CHOICES:,} choices."
            )
    try:
        Draft202012Validator.check_schema(_constraints(field))
    except SchemaError as error:
        raise BadForm(f"{field.name!r}: {error.message}.") from error
    if field.default is not None and field.element.is_asked:
        try:
            _given(field, field.default)
        except BadAnswer as error:
            raise BadForm(f"The default of a form does not fit: {error}") from error


def _element(name: str, asked: dict[str, Json]) -> Element:
    given = asked.get("element")
    if given is not None:
        try:
            return Element(given)
        except ValueError:
            there = ", ".join(Element)
            raise BadForm(
                f"{name!r} is the element {given!r}, which there is not. There are: {there}."
            ) from None
    kind, kept = asked.get("type", "string"), asked.get("format")
    if "enum" in asked:
        return Element.DROPDOWN
    if kind == "string" and kept in ("date", "time", "date-time", "password"):
        return Element(kept)
    known = {
        "string": Element.STRING,
        "number": Element.NUMBER,
        "integer": Element.NUMBER,
        "boolean": Element.TOGGLE,
        "object": Element.JSON,
    }
    if kind == "array":
        items = asked.get("items") or {}
        return Element.MULTI_SELECT if items.get("enum") else Element.JSON
    if kind not in known:
        raise BadForm(f"{name!r} has the type {kind!r}; say which `element` it is.")
    return known[kind]


def _names(given: Json, what: str, fields: list[Field]) -> frozenset[str]:
    known = {field.name for field in fields}
    lists = [(what, given)]
    lists += [
        (f"`required` of {field.name!r}", field.asked["required"])
        for field in fields
        if field.element is Element.SUBMIT and "required" in field.asked
    ]
    for where, names in lists:
        if not isinstance(names, list) or any(name not in known for name in names):
            raise BadForm(
                f"{where} must be a list of names of the form, not {names!r}."
            )
    own = {field.name for field in fields if field.asked.get("required") is True}
    return frozenset(given) | own


def _spoken(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _is_empty(value: Json) -> bool:
    return value is None or value == "" or value == []


def _given(field: Field, value: Json) -> Json:
    """What stands in a field; its default if nothing does."""
    if value is None:
        value = field.default
    if _is_empty(value):
        return None
    shape = SHAPES.get(field.element)
    if shape is not None:
        value = shape(field, value)
    for error in Draft202012Validator(_constraints(field)).iter_errors(value):
        raise BadAnswer(f"{field.label}: {error.message}.")
    return value


#: Keywords of a JSON schema that mean the same in a form.
CONSTRAINTS = frozenset(
    "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength "
    "pattern minItems maxItems".split()
)


def _constraints(field: Field) -> dict[str, Any]:
    return {name: value for name, value in field.asked.items() if name in CONSTRAINTS}


def _text(field: Field, value: Json) -> str:
    if not isinstance(value, str):
        raise BadAnswer(f"{field.label} is {value!r}; it must be text.")
    return value


def _number(field: Field, value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadAnswer(f"{field.label} is {value!r}; it must be a number.")
    if field.asked.get("type") == "integer" and value != int(value):
        raise BadAnswer(f"{field.label} is {value!r}; it must be a whole number.")
    return int(value) if field.asked.get("type") == "integer" else value


def _toggle(field: Field, value: Json) -> bool:
    if not isinstance(value, bool):
        raise BadAnswer(f"{field.label} is {value!r}; it must be true or false.")
    return value


def _moment(
    read: Callable[[str], object], example: str
) -> Callable[[Field, Json], str]:
    def check(field: Field, value: Json) -> str:
        text = _text(field, value)
        try:
            read(text)
        except ValueError:
            raise BadAnswer(
                f"{field.label} is {text!r}; write it like {example}."
            ) from None
        return text

    return check


def _choice(field: Field, value: Json) -> Json:
    if not any(value == one and type(value) is type(one) for one in field.choices):
        raise BadAnswer(f"{field.label} is {value!r}; choose {_some(field.choices)}.")
    return value


def _choices(field: Field, value: Json) -> Json:
    if not isinstance(value, list):
        raise BadAnswer(f"{field.label} is {value!r}; it must be a list of choices.")
    for one in value:
        _choice(field, one)
    return [one for n, one in enumerate(value) if one not in value[:n]]


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
    Element.DATE: _moment(date.fromisoformat, "2026-01-31"),
    Element.TIME: _moment(time.fromisoformat, "18:00"),
    Element.DATE_TIME: _moment(datetime.fromisoformat, "2026-01-31T18:00"),
    Element.DROPDOWN: _choice,
    Element.MULTI_SELECT: _choices,
    Element.FILE: _file,
}
