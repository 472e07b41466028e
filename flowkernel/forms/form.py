"""Forms: what a message asks people to fill in, and whether a response fits. Pure.

A form is a JSON schema of an object. Each property is an element: something to fill in, a
text to read, or a button. Several `submit` elements are several buttons; the one that is
pressed is true in the response. `required: []` on a button lets it be pressed with nothing
filled in ("I have no account"); `fields: [...]` on a button says what belongs to it alone.

>>> form = Form.of({"properties": {"day": {"element": "date"}, "ok": {"element": "submit"}}})
>>> form.check({"day": "2026-01-31"})
{'day': '2026-01-31', 'ok': True}
>>> form.check({"day": "soon"})
Traceback (most recent call last):
flowkernel.core.errors.BadAnswer: Day is "soon"; write it like 2026-01-31.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from flowkernel.core.errors import BadAnswer, BadForm
from flowkernel.core.json_values import dumps, plain_json
from flowkernel.core.models import Json
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.forms.base_field import Field, is_blank, is_empty
from flowkernel.forms.fields import ELEMENTS

MAX_ELEMENTS = 100  #: Of one form, inclusive.
#: The button of a form without one.
OK: Mapping[str, str] = {"element": "submit", "label": "OK"}
NOT_FILLED_IN = "Required, but not filled in: "  #: Labels follow.
HIDDEN = "(hidden)"  #: In the record, in place of what was typed into a password.


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that can be shown and answered."""

    fields: tuple[Field, ...]  #: In the order in which they are shown.
    required: frozenset[str]

    @classmethod
    def of(cls, body: Json) -> Self:
        """The form that a message's `body` is.

        Raises:
            BadForm: It is none; names the property at fault.
            BadValue, ValueTooBig: It is not JSON, or over the limit of inputs.
        """
        body = plain_json(body, "the form")
        fields = [
            _field(name, schema, place)
            for place, (name, schema) in enumerate(_properties(body).items())
        ]
        required = _required_names(body.get("required", []), fields)
        fields.sort(key=lambda field: field.order)
        return cls(fields=tuple(fields), required=required)

    @property
    def buttons(self) -> list[Field]:
        """What can be pressed."""
        return [field for field in self.fields if field.is_button]

    @property
    def inputs(self) -> list[Field]:
        """What can be filled in."""
        return [field for field in self.fields if field.is_input]

    def required_by(self, button: Field) -> frozenset[str]:
        """The names that must be filled in before that button can be pressed."""
        own = button.schema.get("required")
        return frozenset(own) if isinstance(own, list) else self.required

    def fields_of(self, button: Field) -> list[Field]:
        """What belongs to that button alone."""
        own = button.schema.get("fields") or []
        return [field for field in self.inputs if field.name in own]

    @property
    def shared(self) -> list[Field]:
        """What belongs to no button alone: to fill in or to read, whatever is pressed."""
        own = {n for button in self.buttons for n in button.schema.get("fields") or []}
        return [f for f in self.fields if not f.is_button and f.name not in own]

    def check(self, response: Json) -> dict[str, Json]:
        """The response as it is recorded: what was filled in, and the button that was pressed.

        Raises:
            BadAnswer: It does not fit; names the element at fault.
            BadValue, ValueTooBig: It is not JSON, or over the limit of inputs.
        """
        if not isinstance(response, dict):
            raise BadAnswer("An answer is an object of names and values.")
        response = plain_json(response, "the answer")
        self._check_names(response)
        button = self._pressed_button(response)
        fields = [*filter(_is_input, self.shared), *self.fields_of(button)]
        values = {field.name: field.check(response.get(field.name)) for field in fields}
        self._check_required(button, values)
        filled = {name: value for name, value in values.items() if not is_empty(value)}
        emptied = {
            field.name: response[field.name]
            for field in fields
            if field.schema.get("keeps_empty") and is_empty(response.get(field.name, 0))
        }
        return {**filled, **emptied, button.name: True}

    def _check_names(self, response: dict[str, Json]) -> None:
        names = [field.name for field in (*self.inputs, *self.buttons)]
        unknown = next((name for name in response if name not in names), None)
        if unknown is not None:
            inputs = ", ".join(field.name for field in self.inputs)
            buttons = ", ".join(field.name for field in self.buttons)
            raise BadAnswer(
                f"The form has no {quoted_name(unknown)}. "
                f"{suggestion(unknown, names)} To fill in, it has: "
                f"{inputs or 'nothing'}. Its buttons are: {buttons}."
            )

    def _check_required(self, button: Field, values: dict[str, Json]) -> None:
        required = self.required_by(button)
        missing = [
            field.label
            for field in self.inputs
            if field.name in required and is_blank(values.get(field.name))
        ]
        if missing:
            raise BadAnswer(f"{NOT_FILLED_IN}{', '.join(missing)}.")

    def _pressed_button(self, response: dict[str, Json]) -> Field:
        buttons = [button for button in self.buttons if response.get(button.name)]
        if not buttons and len(self.buttons) == 1:
            buttons = [b for b in self.buttons if b.name not in response]
        if len(buttons) != 1:
            names = ", ".join(button.name for button in self.buttons)
            raise BadAnswer(f"Say which button is pressed, one of: {names}.")
        return buttons[0]

    def redacted(self, response: Mapping[str, Json]) -> dict[str, Json]:
        """The response with `HIDDEN` in place of what must not be recorded."""
        secrets = self._secret_names
        return {n: HIDDEN if n in secrets else value for n, value in response.items()}

    def has_secret(self, response: Mapping[str, Json]) -> bool:
        """Whether the response has something that must not be recorded."""
        return not self._secret_names.isdisjoint(response)

    @property
    def asks_secret(self) -> bool:
        """Whether a response can have something that must not be recorded."""
        return bool(self._secret_names)

    @property
    def _secret_names(self) -> set[str]:
        return {field.name for field in self.fields if field.is_secret}


def _properties(body: Json) -> dict[str, Json]:
    if not isinstance(body, dict) or body.get("type", "object") != "object":
        raise BadForm(
            "body must be a JSON schema of an object: "
            '{"type": "object", "properties": {...}}.'
        )
    properties = body.get("properties") or {}
    if not isinstance(properties, dict) or not 0 < len(properties) <= MAX_ELEMENTS:
        raise BadForm(
            f"body needs `properties`: an object of 1 to {MAX_ELEMENTS} elements."
        )
    return properties


def _is_input(field: Field) -> bool:
    return field.is_input


def body_of(
    *, message: str | None, request: str | None, body: Json, waits: bool
) -> Json:
    """The form of a message: its `body`, a question for one text, or an OK button.

    Returns:
        A JSON schema with at least one button; None if the message asks for nothing.

    Raises:
        BadForm: `body` is no form, or `request` is given as well.
    """
    if body is not None and request is not None:
        raise BadForm("Give either `request` or `body`, not both.")
    if request is not None:
        question = {"element": "string", "label": request}
        properties: dict[str, Json] = {"string": question, "ok": OK}
        return {"type": "object", "properties": properties, "required": ["string"]}
    if body is None:
        return {"type": "object", "properties": {"ok": OK}} if waits else None
    return body if Form.of(body).buttons else _with_ok(body)


def _with_ok(body: dict[str, Json]) -> Json:
    if "ok" in body["properties"]:
        raise BadForm("The form has no button, and `ok` is taken. Add a `submit`.")
    return {**body, "properties": {**body["properties"], "ok": OK}}


def _required_names(required: Json, fields: Iterable[Field]) -> frozenset[str]:
    """The names that the form requires, whichever button is pressed.

    Raises:
        BadForm: It, or a list of a button, names what cannot be filled in.
    """
    inputs = {field.name for field in fields if field.is_input}
    _check_name_list("required", required, inputs)
    for button in filter(lambda field: field.is_button, fields):
        for keyword in ("required", "fields"):
            if keyword in button.schema:
                title = f"`{keyword}` of {button.name!r}"
                _check_name_list(title, button.schema[keyword], inputs)
    marked = {field.name for field in fields if field.schema.get("required") is True}
    return frozenset(required) | (marked & inputs)


def _check_name_list(title: str, names: Json, inputs: set[str]) -> None:
    is_list = isinstance(names, list)
    if not is_list or not all(isinstance(n, str) and n in inputs for n in names):
        raise BadForm(
            f"{title} must be a list of what can be filled in "
            f"({', '.join(sorted(inputs)) or 'nothing'}), not {dumps(names)}."
        )


def _field(name: str, schema: Json, place: int) -> Field:
    """The field that a property of a form is.

    Args:
        place: Its index among the properties; used if it has no `order`.

    Raises:
        BadForm: It cannot be shown; says why.
    """
    if not isinstance(schema, dict):
        raise BadForm(f"The property {name!r} must be an object, not {schema!r}.")
    field_class = _class_of(name, schema)
    order = schema.get("order", place)
    if isinstance(order, bool) or not isinstance(order, int | float):
        raise BadForm(f"`order` of {name!r} is {order!r}; give a number.")
    label = str(schema.get("label") or schema.get("title") or _readable(name))
    field = field_class(name=name, label=label, order=order, schema=schema)
    field.check_schema()
    return field


def _class_of(name: str, schema: dict[str, Json]) -> type[Field]:
    element = schema.get("element")
    if element is not None:
        if isinstance(element, str) and element in ELEMENTS:
            return ELEMENTS[element]
        raise BadForm(
            f"{name!r} has the element {element!r}, which does not exist. "
            f"The elements are: {', '.join(ELEMENTS)}."
        )
    json_type = _json_type(schema.get("type", "string"))
    for field_class in reversed(ELEMENTS.values()):
        if field_class.suits(json_type, schema):
            return field_class
    raise BadForm(f"{name!r} has the type {json_type!r}; say which `element` it is.")


def _json_type(value: Json) -> str:
    """The type of a JSON schema; `string` for `["string", "null"]`."""
    if isinstance(value, list):
        value = next((name for name in value if name != "null"), "null")
    return value if isinstance(value, str) else dumps(value)


def _readable(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
