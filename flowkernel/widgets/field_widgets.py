"""A form as ipywidgets: how each element is drawn, and what was filled in.

An element that is not in `WIDGETS` is a line of text. To draw one in another way, subclass
`FieldWidget` here and name its `elements`.
"""

import json
from base64 import b64encode
from datetime import date, datetime, time
from html import escape
from typing import Any, ClassVar

import ipywidgets

from flowkernel.core.errors import BadAnswer
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.forms.base_field import Field
from flowkernel.forms.fields import ChoiceField
from flowkernel.forms.form import Form
from flowkernel.forms.literals import reject_constant, value_of

LINES = 12  #: Of a text field, inclusive; the rest is reached by scrolling.
#: What is seen in a line for a value of any type while nothing is typed.
EMPTY_VALUE = "a number, text, or JSON; text in double quotes stays text"
#: The class that draws an element, by the element's name.
WIDGETS: dict[str, type["FieldWidget"]] = {}


class FieldWidget:
    """A field that can be filled in, drawn as a line of text."""

    widget_class: ClassVar[Any] = ipywidgets.Text
    look: ClassVar[dict[str, Any]] = {
        "layout": {"width": "auto"},
        "style": {"description_width": "11em"},
    }

    def __init_subclass__(cls, *, elements: tuple[str, ...] = ()) -> None:
        """`elements`: what the class draws."""
        WIDGETS.update(dict.fromkeys(elements, cls))

    def __init__(self, field: Field) -> None:
        self.field = field
        #: The ipywidget. Observe its `value` for changes.
        self.widget: Any = self.widget_class(
            description=field.label,
            tooltip=field.description,
            **self.look,
            **self.traits(),
        )

    @property
    def value_widgets(self) -> list[Any]:
        """The ipywidgets that have a `value` which a person changes."""
        return [self.widget]

    def traits(self) -> dict[str, Any]:
        """What this ipywidget has beside a label; at least the `value` it starts with."""
        return {"value": self.default_text(), "placeholder": self.placeholder}

    @property
    def view(self) -> Any:
        """The ipywidget, with what is to be typed and the help of the field below it."""
        field = self.field
        kind = f"{field.expected()}." if isinstance(self, NumberWidget) else ""
        text = " ".join(filter(None, [kind, field.description]))
        if not text or field.parts_by_name:  # The latter has its text above.
            return self.widget
        note = f'<span class="jp-flowkernel-note">{escape(text)}</span>'
        return ipywidgets.VBox([self.widget, ipywidgets.HTML(note)])

    @property
    def placeholder(self) -> str:
        """What is seen while nothing is filled in."""
        return str(self.field.schema.get("example") or "")

    def default_text(self) -> str:
        """The default as text; empty if there is none."""
        value = self.field.initial_value
        if value is None:
            return ""
        return value if isinstance(value, str) else dumps(value)

    def value(self) -> Json:
        """What was filled in; None if nothing was.

        Raises:
            BadAnswer: It cannot be read; says what is wrong.
        """
        return self.widget.value


def widget_of(field: Field) -> FieldWidget:
    """What a person fills in."""
    if field.parts_by_name:
        return ValuesByName(field)
    return WIDGETS.get(field.element, FieldWidget)(field)


class NumberWidget(FieldWidget, elements=("number",)):
    """A number, typed as text: a person may also leave it empty."""

    def value(self) -> Json:
        """The number; None if it is blank."""
        text = self.widget.value
        try:
            return _parse_json(text)
        except (ValueError, RecursionError):
            field = self.field
            raise BadAnswer(
                f"{field.label} is {text!r}; it must be {field.expected()}."
            ) from None


class ToggleWidget(FieldWidget, elements=("toggle",)):
    """A checkbox."""

    widget_class = ipywidgets.Checkbox

    def traits(self) -> dict[str, Any]:
        """Checked, if the default is true."""
        return {"value": bool(self.field.initial_value), "indent": False}


class PasswordWidget(FieldWidget, elements=("password",)):
    """A line of text that shows no characters, and no default."""

    widget_class = ipywidgets.Password

    def traits(self) -> dict[str, Any]:
        """Empty at first."""
        return {"placeholder": self.placeholder}


class TextareaWidget(FieldWidget, elements=("textarea",)):
    """Several lines of text."""

    widget_class = ipywidgets.Textarea

    def traits(self) -> dict[str, Any]:
        """As high as the default needs, within limits."""
        lines = self.default_text().count("\n") + 1
        return {**super().traits(), "rows": min(LINES, max(2, lines))}


class CodeWidget(TextareaWidget, elements=("code",)):
    """Several lines in a fixed width, below their label."""

    look: ClassVar[dict[str, Any]] = {
        "layout": {"width": "auto"},
        "style": {"description_width": "initial"},
    }

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self.widget.add_class("jp-flowkernel-code")


class JsonWidget(CodeWidget, elements=("json",)):
    """A value to be written as JSON."""

    def default_text(self) -> str:
        """The default, indented."""
        value = self.field.initial_value
        if value is None:
            return ""
        return json.dumps(value, indent=1, ensure_ascii=False)

    def value(self) -> Json:
        """The value; None if it is blank."""
        try:
            return _parse_json(self.widget.value)
        except (ValueError, RecursionError) as error:
            raise BadAnswer(f"{self.field.label} is not JSON: {error}.") from None


class ValuesByName(FieldWidget):
    """An object whose values are typed one by one, each as on a command line."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._lines = {
            name: ipywidgets.Text(
                value="" if value is None else dumps(value),
                description=name,
                placeholder=EMPTY_VALUE,
                **self.look,
            )
            for name, value in field.parts_by_name.items()
        }
        note = f"<p><b>{escape(field.label)}</b>: {escape(field.description)}</p>"
        self.widget = ipywidgets.VBox([ipywidgets.HTML(note), *self._lines.values()])

    @property
    def value_widgets(self) -> list[Any]:
        """A line of text for each name."""
        return list(self._lines.values())

    def value(self) -> Json:
        """The values by name; null for a name whose line is blank.

        Raises:
            BadArgument: One begins like JSON and is not valid.
        """
        texts = {name: line.value.strip() for name, line in self._lines.items()}
        values = {name: value_of(text, name) for name, text in texts.items() if text}
        return dict.fromkeys(texts) | values


class DateWidget(FieldWidget, elements=("date",)):
    """A day to pick."""

    widget_class = ipywidgets.DatePicker
    moment_type: ClassVar[type[date] | type[time]] = date

    def traits(self) -> dict[str, Any]:
        """The default as a `date`, a `time` or a `datetime`."""
        text = self.field.initial_value
        return {"value": self.moment_type.fromisoformat(text) if text else None}

    def value(self) -> Json:
        """In ISO 8601; None if nothing is picked."""
        moment = self.widget.value
        return moment.isoformat() if moment is not None else None


class TimeWidget(DateWidget, elements=("time",)):
    """An hour to pick."""

    widget_class = ipywidgets.TimePicker
    moment_type = time


class DateTimeWidget(DateWidget, elements=("date-time",)):
    """A day and an hour to pick, without a zone."""

    widget_class = ipywidgets.NaiveDatetimePicker
    moment_type = datetime

    def traits(self) -> dict[str, Any]:
        """The default without its zone."""
        moment = super().traits()["value"]
        return {"value": moment.replace(tzinfo=None) if moment else None}


class DropdownWidget(FieldWidget, elements=("dropdown",)):
    """One choice of several, or none."""

    widget_class = ipywidgets.Dropdown

    def traits(self) -> dict[str, Any]:
        """An empty choice, then those of the field."""
        options = [("", None), *_options(self.field)]
        return {"options": options, "value": self.field.initial_value}


class MultiSelectWidget(FieldWidget, elements=("multi-select",)):
    """Several choices of several."""

    widget_class = ipywidgets.SelectMultiple

    def traits(self) -> dict[str, Any]:
        """The choices of the field."""
        selected = tuple(self.field.initial_value or ())
        return {"options": _options(self.field), "value": selected}

    def value(self) -> Json:
        """A list of the choices."""
        return list(self.widget.value)


class FileWidget(FieldWidget, elements=("file",)):
    """A file to upload."""

    widget_class = ipywidgets.FileUpload
    look: ClassVar[dict[str, Any]] = {}  # It is a button, with its label on it.

    def traits(self) -> dict[str, Any]:
        """One file."""
        return {"multiple": False}

    def value(self) -> Json:
        """Its `name`, and its `content` in base64; None if there is none."""
        uploads = self.widget.value
        if not uploads:
            return None
        [file] = uploads if isinstance(uploads, tuple | list) else uploads.values()
        content = b64encode(bytes(file["content"])).decode()
        return {"name": file["name"], "content": content}


def form_response(
    form: Form, widgets: dict[str, FieldWidget], button: Field
) -> dict[str, Json]:
    """What was filled in for the button that was pressed, and that button.

    Args:
        widgets: Those of the form's inputs, by name.

    Raises:
        BadAnswer: Something cannot be read; says what is wrong.
    """
    shared = [field for field in form.shared if field.name in widgets]
    fields = [*shared, *form.fields_of(button)]
    return {**{f.name: widgets[f.name].value() for f in fields}, button.name: True}


def _options(field: Field) -> list[tuple[str, Json]]:
    choices = field.choices if isinstance(field, ChoiceField) else []
    return [(str(choice), choice) for choice in choices]


def _parse_json(text: str) -> Json:
    """The value of a text; None if it is blank."""
    return json.loads(text, parse_constant=reject_constant) if text.strip() else None
