"""A form in words: what the command line says can be filled in, and how. Pure."""

from flowkernel.core.json_values import dumps
from flowkernel.core.text import plain_text
from flowkernel.forms.base_field import Field
from flowkernel.forms.form import Form


def form_lines(form: Form) -> list[str]:
    """What can be filled in, then the buttons, one to a line."""
    lines = []
    for field in form.fields:
        if field.is_input:
            lines.append(f"  -p {field.name} VALUE   {_input_text(field, form)}")
            lines += block_lines(field)
        elif not field.is_button:
            text = field.description or field.default or field.label
            lines.append(f"  {plain_text(str(text))}")
    lines += [f"  BUTTON {b.name}   {_button_text(b, form)}" for b in form.buttons]
    return lines


def block_lines(field: Field) -> list[str]:
    """The default of a field of several lines, as lines; none for other fields."""
    if not field.is_multiline or field.default is None:
        return []
    return ["    | " + line for line in plain_text(str(field.default)).splitlines()]


def _button_text(button: Field, form: Form) -> str:
    options = ", ".join(f"-p {field.name}" for field in form.fields_of(button))
    needs_nothing = button.schema.get("required") == [] and not options
    text = button.label + (f", takes {options}" if options else "")
    text += ", needs nothing" if needs_nothing else ""
    return f"{text}. {button.description}" if button.description else text


def _input_text(field: Field, form: Form) -> str:
    parts = [field.label, field.expected()]
    if field.schema.get("example") is not None:
        parts.append(f"like {field.schema['example']}")
    if field.default is not None and not field.is_multiline:
        parts.append(f"default {dumps(field.default)}")
    if field.name in form.required:
        parts.append("required")
    text = ", ".join(part for part in parts if part)
    return plain_text(f"{text}. {field.description}" if field.description else text)
