"""A form as text: in words, and from what was typed. Pure, but for files that are read."""

from base64 import b64encode
from pathlib import Path

from flowkernel.core.errors import FileMissing
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.core.text import plain_text
from flowkernel.forms.fields import Element, Field
from flowkernel.forms.form import Form
from flowkernel.forms.literals import value_of

KINDS = {
    Element.STRING: "text",
    Element.TEXTAREA: "text of several lines",
    Element.CODE: "source",
    Element.PASSWORD: "a password, asked for on a terminal",
    Element.TOGGLE: "true or false",
    Element.DATE: "a day, as 2026-01-31",
    Element.TIME: "an hour, as 18:00",
    Element.DATE_TIME: "a moment, as 2026-01-31T18:00",
    Element.FILE: "the path of a file",
    Element.JSON: "JSON",
}
BLOCKS = frozenset({Element.TEXTAREA, Element.CODE})
#: What is text, though it may look like a number.
TEXTS = frozenset(KINDS) - {Element.TOGGLE, Element.FILE, Element.JSON}


def form_lines(form: Form) -> list[str]:
    """What can be filled in, and the buttons, one to a line."""
    lines = []
    for field in form.fields:
        if field.element is Element.MARKDOWN:
            text = field.asked.get("description") or field.default or field.label
            lines.append(f"  {plain_text(str(text))}")
        elif field.element.is_asked:
            about = plain_text(_about(field, form))
            lines.append(f"  -p {field.name} VALUE   {about}")
            lines += block_lines(field)
    lines += [
        f"  BUTTON {field.name}   {_pressed(field, form)}" for field in form.buttons
    ]
    return lines


def block_lines(field: Field) -> list[str]:
    """What stands in a field of several lines, as lines; none in one of one line."""
    if field.element not in BLOCKS or field.default is None:
        return []
    return ["    | " + line for line in plain_text(str(field.default)).splitlines()]


def _pressed(button: Field, form: Form) -> str:
    own = ", ".join(f"-p {field.name}" for field in form.of_button(button))
    needs_nothing = button.asked.get("required") == [] and not own
    said = button.label + (f", takes {own}" if own else "")
    said += ", needs nothing" if needs_nothing else ""
    more = button.asked.get("description")
    return f"{said}. {more}" if more else said


def _about(field: Field, form: Form) -> str:
    said = [field.label, kind_of(field)]
    if field.asked.get("example") is not None:
        said.append(f"like {field.asked['example']}")
    if field.default is not None and field.element not in BLOCKS:
        said.append(f"default {dumps(field.default)}")
    if field.name in form.required:
        said.append("needed")
    words = ", ".join(part for part in said if part)
    more = field.asked.get("description")
    return f"{words}. {more}" if more else words


def kind_of(field: Field) -> str:
    """What is to be typed."""
    asked = field.asked
    if field.element is Element.NUMBER:
        whole = "a whole number" if asked.get("type") == "integer" else "a number"
        low, high = asked.get("minimum"), asked.get("maximum")
        within = f" from {low}" if low is not None else ""
        return whole + within + (f" to {high}" if high is not None else "")
    if field.element is Element.DROPDOWN:
        return f"one of {_choices(field)}"
    if field.element is Element.MULTI_SELECT:
        return f"some of {_choices(field)}, with commas between them"
    most = asked.get("maxLength")
    return KINDS[field.element] + (f" of at most {most} characters" if most else "")


def _choices(field: Field) -> str:
    shown = ", ".join(dumps(one) for one in field.choices[:10])
    return shown + (", ..." if len(field.choices) > 10 else "")


def typed_value(field: Field | None, name: str, text: str) -> Json:
    """What was typed into a field; None: there is no such field.

    Raises:
        FileMissing: A file cannot be read.
        BadArgument: It begins like JSON, and is none.
    """
    if field is None:
        return value_of(text, name)
    if field.element is Element.FILE and not text.startswith("{"):
        return _file(text)
    if field.element is Element.MULTI_SELECT and not text.startswith("["):
        return [_chosen(field, part.strip(), name) for part in text.split(",")]
    if field.element is Element.DROPDOWN:
        return _chosen(field, text, name)
    return text if field.element in TEXTS else value_of(text, name)


def _chosen(field: Field, text: str, name: str) -> Json:
    return text if text in field.choices else value_of(text, name)


def _file(text: str) -> Json:
    path = Path(text).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FileMissing(f"{text!r} cannot be read: {reason}.") from error
    return {"name": path.name, "content": b64encode(content).decode()}
