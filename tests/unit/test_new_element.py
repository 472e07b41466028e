"""An element of forms takes two classes, its field and its widget: the rest follows."""

import re

import ipywidgets
import pytest

from flowkernel.cli.message_operations import make_response
from flowkernel.core.errors import BadAnswer, BadForm
from flowkernel.core.models import Message
from flowkernel.display.terminal_prompts import TerminalPrompts
from flowkernel.forms.base_field import Field
from flowkernel.forms.fields import ELEMENTS
from flowkernel.forms.form import Form, body_of
from flowkernel.forms.form_text import form_lines
from flowkernel.widgets.field_widgets import WIDGETS, FieldWidget
from flowkernel.widgets.prompt_box import PromptBox
from tests.unit.test_dialogue import talk
from tests.unit.test_form import message_record
from tests.unit.test_terminal_prompts import Engine, Lines
from tests.unit.test_widgets import Answers, press

PROPERTIES = {"wall": {"element": "colour", "label": "Wall", "default": "#FFF"}}


@pytest.fixture(autouse=True)
def colour():
    """Colours: what `fields` and `field_widgets` would get."""

    class ColourField(Field, element="colour"):
        kind = "a colour, as #1a2b3c"

        def parse(self, text):
            return text if text.startswith("#") else f"#{text}"

        def convert(self, value):
            if re.fullmatch("#([0-9a-fA-F]{3}){1,2}", str(value)) is None:
                raise BadAnswer(f"{self.label} is {value!r}; write it like #1a2b3c.")
            return value.lower()

    class ColourWidget(FieldWidget, elements=("colour",)):
        widget_class = ipywidgets.ColorPicker

        def traits(self):
            return {"value": self.field.default}

    yield
    del ELEMENTS[ColourField.element], WIDGETS[ColourField.element]


@pytest.fixture
def body():
    return body_of(
        message=None, request=None, body={"properties": PROPERTIES}, waits=True
    )


@pytest.fixture
def form(body):
    return Form.of(body)


def test_a_form_has_it_and_checks_it(form):
    assert form.check({"wall": "#ABC"}) == {"wall": "#abc", "ok": True}
    assert form.check({}) == {"wall": "#fff", "ok": True}
    with pytest.raises(BadAnswer, match="Wall is 'red'; write it like #1a2b3c"):
        form.check({"wall": "red"})
    with pytest.raises(BadForm, match="The default of a form does not fit"):
        Form.of({"properties": {"wall": {"element": "colour", "default": "red"}}})


def test_the_command_line_says_how_to_type_it_and_reads_it(form):
    [line, _button] = form_lines(form)

    assert line == '  -p wall VALUE   Wall, a colour, as #1a2b3c, default "#FFF"'
    assert make_response(form, None, ["wall=abc"]) == {"ok": True, "wall": "#abc"}


def test_a_dialogue_asks_for_it(form):
    questions, response = talk(form, "", "abc")

    assert questions[1].text == "Wall (a colour, as #1a2b3c) [#FFF] > "
    assert response == {"ok": True, "wall": "#abc"}


def test_a_terminal_asks_for_it(body):
    lines, engine = Lines(), Engine()
    prompts = TerminalPrompts(engine, lines, make_room=lambda: None)
    prompts.ask(Message.from_json(message_record("m1", body=body)))
    lines.typed += ["", "abc"]

    while prompts.poll():
        pass

    assert engine.answers == [("m1", {"ok": True, "wall": "#abc"})]


def test_a_widget_shows_it_and_its_value_is_sent(body):
    answers = Answers()
    box = PromptBox(Message.from_json(message_record("m1", body=body)), answers)
    picker = box._fields["wall"].widget
    assert (type(picker), picker.value) == (ipywidgets.ColorPicker, "#FFF")
    picker.value = "#abc"

    press(box, "OK")

    assert answers.responses == [{"wall": "#abc", "ok": True}]


def test_without_a_widget_of_its_own_it_is_a_line_of_text(body):
    widget = WIDGETS.pop("colour")
    try:
        box = PromptBox(Message.from_json(message_record("m1", body=body)), Answers())
    finally:
        WIDGETS["colour"] = widget

    assert type(box._fields["wall"].widget) is ipywidgets.Text
