"""Forms: what a message may ask, and whether an answer fits. Pure.

A form is a JSON schema of an object. Each property is an element: something to fill in, a
text to read, or a button. Several `submit` elements are several buttons; the one that is
pressed is true in the response. `required: []` on a button lets it be pressed with nothing
filled in ("I have no account"); `fields: [...]` on a button says what belongs to it alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from flowkernel.core.errors import BadAnswer, BadForm
from flowkernel.core.json_values import dumps, plain_json
from flowkernel.core.models import Json
from flowkernel.forms.fields import (
    Element,
    Field,
    check_limits,
    fitting,
    is_blank,
    is_empty,
)

MAX_ELEMENTS = 100  #: Of one form, inclusive.
MAX_CHOICES = 10_000  #: Of one dropdown, inclusive.
HIDDEN = "(hidden)"  #: Stands in the record for what was typed into a password.


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
            BadValue, ValueTooBig: It is not JSON, or over the limit of inputs.
        """
        body = plain_json(body, "the form")
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

    def of_button(self, button: Field) -> list[Field]:
        """What belongs to that button alone."""
        own = button.asked.get("fields") or []
        return [field for field in self.asked if field.name in own]

    @property
    def shared(self) -> list[Field]:
        """What belongs to no button alone: to be filled in or read, whatever is pressed."""
        own = {n for button in self.buttons for n in button.asked.get("fields") or []}
        return [
            field
            for field in self.fields
            if field.element is not Element.SUBMIT and field.name not in own
        ]

    def check(self, response: Json) -> dict[str, Json]:
        """The response as it is kept: what was filled in, and the button that was pressed.

        Raises:
            BadAnswer: It does not fit; says which element is at fault.
            BadValue, ValueTooBig: It is not JSON, or over the limit of inputs.
        """
        if not isinstance(response, dict):
            raise BadAnswer("An answer is an object of names and values.")
        response = plain_json(response, "the answer")
        known = {field.name: field for field in [*self.asked, *self.buttons]}
        if unknown := [name for name in response if name not in known]:
            fields = (
                ", ".join(field.name for field in self.asked) or "nothing to fill in"
            )
            raise BadAnswer(
                f"The form has no {unknown[0]!r} to fill in. It has: {fields}."
            )
        pressed = self._pressed(response)
        mine = [*self.shared, *self.of_button(pressed)]
        asked = [field for field in mine if field.element.is_asked]
        emptied = {
            field.name: response[field.name]
            for field in asked
            if field.asked.get("keeps_empty") and is_empty(response.get(field.name, 0))
        }
        given = {f.name: fitting(f, response.get(f.name)) for f in asked}
        missing = [n for n in self.needed_for(pressed) if is_blank(given.get(n))]
        if missing:
            labels = ", ".join(
                known[n].label for n in sorted(missing, key=list(known).index)
            )
            raise BadAnswer(f"Still to be filled in: {labels}.")
        kept = {name: value for name, value in given.items() if not is_empty(value)}
        return {**kept, **emptied, pressed.name: True}

    def _pressed(self, response: dict[str, Json]) -> Field:
        pressed = [field for field in self.buttons if response.get(field.name)]
        if not pressed and len(self.buttons) == 1:
            pressed = [field for field in self.buttons if field.name not in response]
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
    check_limits(field)
    if field.default is not None and field.element.is_asked:
        try:
            fitting(field, field.default)
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
    kind, kept = _type(asked.get("type", "string")), asked.get("format")
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
        items = asked.get("items")
        has_choices = isinstance(items, dict) and items.get("enum")
        return Element.MULTI_SELECT if has_choices else Element.JSON
    if kind not in known:
        raise BadForm(f"{name!r} has the type {kind!r}; say which `element` it is.")
    return known[kind]


def _type(given: Json) -> str:
    """The type of a JSON schema; of `["string", "null"]`, string."""
    if isinstance(given, list):
        given = next((kind for kind in given if kind != "null"), "null")
    return given if isinstance(given, str) else dumps(given)


def _names(given: Json, what: str, fields: list[Field]) -> frozenset[str]:
    known = {field.name for field in fields if field.element.is_asked}
    lists = [(what, given)]
    lists += [
        (f"`{word}` of {field.name!r}", field.asked[word])
        for field in fields
        for word in ("required", "fields")
        if field.element is Element.SUBMIT and word in field.asked
    ]
    for where, names in lists:
        if not isinstance(names, list) or not all(
            isinstance(name, str) and name in known for name in names
        ):
            raise BadForm(
                f"{where} must be a list of what can be filled in "
                f"({', '.join(sorted(known)) or 'nothing'}), not {dumps(names)}."
            )
    own = {field.name for field in fields if field.asked.get("required") is True}
    return frozenset(given) | (own & known)


def _spoken(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
