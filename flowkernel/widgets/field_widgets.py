"""A form as ipywidgets: one widget for each element, and what was filled in."""

import json
from base64 import b64encode
from datetime import date, datetime, time
from typing import Any

import ipywidgets

from flowkernel.core.errors import BadAnswer
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.forms.fields import Element, Field
from flowkernel.forms.form import Form
from flowkernel.forms.literals import no_number

E = Element
WIDE = {"layout": {"width": "auto"}, "style": {"description_width": "11em"}}
LINES = 12  #: Of a text field, inclusive; more are scrolled to.


def widget_for(field: Field) -> Any:
    """What a person fills in, or reads."""
    label = {
        "description": field.label,
        "tooltip": str(field.asked.get("description") or ""),
    }
    value, hint = field.default, str(field.asked.get("example") or "")
    match field.element:
        case E.TOGGLE:
            return ipywidgets.Checkbox(value=bool(value), indent=False, **label, **WIDE)
        case E.PASSWORD:
            return ipywidgets.Password(placeholder=hint, **label, **WIDE)
        case E.TEXTAREA | E.CODE | E.JSON:
            text = _as_text(field, value)
            made = ipywidgets.Textarea(value=text, placeholder=hint, **label, **WIDE)
            made.rows = min(LINES, max(2, text.count("\n") + 1))
            if field.element is not E.TEXTAREA:
                made.add_class("jp-flowkernel-code")
            return made
        case E.DATE:
            day = date.fromisoformat(value) if value else None
            return ipywidgets.DatePicker(value=day, **label, **WIDE)
        case E.TIME:
            hour = time.fromisoformat(value) if value else None
            return ipywidgets.TimePicker(value=hour, **label, **WIDE)
        case E.DATE_TIME:
            moment = (
                datetime.fromisoformat(value).replace(tzinfo=None) if value else None
            )
            return ipywidgets.NaiveDatetimePicker(value=moment, **label, **WIDE)
        case E.DROPDOWN:
            options = [("", None), *((str(one), one) for one in field.choices)]
            return ipywidgets.Dropdown(options=options, value=value, **label, **WIDE)
        case E.MULTI_SELECT:
            options = [(str(one), one) for one in field.choices]
            chosen = tuple(value or ())
            return ipywidgets.SelectMultiple(
                options=options, value=chosen, **label, **WIDE
            )
        case E.FILE:
            return ipywidgets.FileUpload(multiple=False, **label)
        case _:
            text = _as_text(field, value)
            return ipywidgets.Text(value=text, placeholder=hint, **label, **WIDE)


def value_in(field: Field, widget: Any) -> Json:
    """What was filled in; None: nothing.

    Raises:
        BadAnswer: It cannot be read; says what is wrong.
    """
    value = widget.value
    match field.element:
        case E.NUMBER:
            return _number(field, value)
        case E.JSON:
            return _json(field, value)
        case E.DATE | E.TIME | E.DATE_TIME:
            return value.isoformat() if value is not None else None
        case E.MULTI_SELECT:
            return list(value)
        case E.FILE:
            return _file(value)
        case _:
            return value


def response_in(form: Form, widgets: dict[str, Any], button: Field) -> dict[str, Json]:
    """What was filled in for the button that was pressed, and that button."""
    asked = [field for field in form.shared if field.name in widgets]
    given = {
        field.name: value_in(field, widgets[field.name])
        for field in [*asked, *form.of_button(button)]
    }
    return {**given, button.name: True}


def _as_text(field: Field, value: Json) -> str:
    if value is None:
        return ""
    if field.element is E.JSON:
        return json.dumps(value, indent=1, ensure_ascii=False)
    return value if isinstance(value, str) else dumps(value)


def _number(field: Field, text: str) -> Json:
    if not text.strip():
        return None
    try:
        return json.loads(text, parse_constant=no_number)
    except (ValueError, RecursionError):
        raise BadAnswer(f"{field.label} is {text!r}; it must be a number.") from None


def _json(field: Field, text: str) -> Json:
    if not text.strip():
        return None
    try:
        return json.loads(text, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"{field.label} is not JSON: {error}.") from None


def _file(value: Any) -> Json:
    if not value:
        return None
    [one] = value if isinstance(value, tuple | list) else value.values()
    return {"name": one["name"], "content": b64encode(bytes(one["content"])).decode()}
