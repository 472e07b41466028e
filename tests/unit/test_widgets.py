"""A prompt as widgets: what is shown, what is sent, and what a refused answer shows."""

import threading

import ipywidgets
import pytest

from flowkernel.core.errors import BadAnswer
from flowkernel.core.models import Message
from flowkernel.forms.form import Form
from flowkernel.widgets.field_widgets import form_response, widget_of
from flowkernel.widgets.prompt_view import PromptBox, html_of
from tests.unit.test_dialogue import button
from tests.unit.test_form import message_record

PROPERTIES = {
    "source": {"element": "code", "label": "Cell 2 of 3", "default": "a = b"},
    "values": {"element": "json", "label": "Values", "default": {"a": None}},
    "retry_cell": button("Retry cell", required=[], fields=["source"]),
    "skip": button("Skip the cell", required=[], fields=["values"]),
    "fail": button("Fail", required=[]),
}


def message(**fields):
    body = {"type": "object", "properties": PROPERTIES}
    return Message.from_json(message_record(body=body, **fields))


def widgets_in(box):
    widgets, pending = [], [box]
    while pending:
        widget = pending.pop(0)
        widgets.append(widget)
        pending += list(getattr(widget, "children", ()))
    return widgets


class Answers:
    """Keeps the responses that were sent; refuses them with an error, if it has one."""

    def __init__(self, error=None):
        self.responses, self.error = [], error

    def __call__(self, _message_id, response):
        self.responses.append(response)
        if self.error:
            raise self.error
        return message(
            status="ANSWERED", response=response, answered_by="ada"
        ).to_json()


def press(box, label):
    [button] = [
        widget
        for widget in widgets_in(box.box)
        if isinstance(widget, ipywidgets.Button) and widget.description == label
    ]
    button.click()
    for thread in threading.enumerate():
        if thread.name == "flowkernel-answer":
            thread.join(10)


def html_in(box):
    widgets = widgets_in(box.box)
    return " ".join(w.value for w in widgets if isinstance(w, ipywidgets.HTML))


def test_only_the_fields_of_a_button_are_sent_with_it():
    answers = Answers()

    press(PromptBox(message(), answers), "Fail")

    assert answers.responses == [{"fail": True}]


def test_an_edited_field_is_sent():
    answers = Answers()
    box = PromptBox(message(), answers)
    [source] = [
        widget
        for widget in widgets_in(box.box)
        if isinstance(widget, ipywidgets.Textarea)
        and widget.description == "Cell 2 of 3"
    ]
    source.value = "b = 1\na = b"

    press(box, "Retry cell")

    assert answers.responses == [{"source": "b = 1\na = b", "retry_cell": True}]
    assert "Retry cell, by ada" in html_in(box)


def test_a_refused_answer_is_shown_and_can_be_sent_again():
    box = PromptBox(message(), Answers(BadAnswer("<Not> so.")))

    press(box, "Fail")

    assert "&lt;Not&gt; so." in html_in(box)
    assert not any(button.disabled for button in box._buttons.values())


def test_the_text_of_a_message_cannot_run_anything():
    foreign = (
        "<script>alert(1)</script> [x](javascript:alert(1)) ![x](http://a.b/c.png)"
    )
    html = html_of(f"**bold** {foreign}")

    assert "<strong>bold</strong>" in html
    assert "<script" not in html
    assert "javascript" not in html.partition("alert(1)")[0]
    assert 'href="javascript' not in html
    assert "<img" not in html


def test_the_pump_knows_every_widget_of_a_prompt():
    box = PromptBox(message(), Answers())

    comm_ids = [widget.comm.comm_id for widget in widgets_in(box.box)]

    assert set(box.comm_ids) == set(comm_ids)


FILLED = [
    ({"element": "toggle"}, True, True),
    ({"element": "number"}, "2.5", 2.5),
    ({"element": "number"}, "", None),
    ({"element": "json"}, '{"a": [1]}', {"a": [1]}),
    ({"element": "string"}, "x", "x"),
    ({"element": "dropdown", "enum": ["a", "b"]}, "b", "b"),
    ({"element": "multi-select", "items": {"enum": ["a", "b"]}}, ("a",), ["a"]),
]


def field_of(schema):
    form = Form.of({"properties": {"x": schema, "ok": button("OK")}})
    return form, form.inputs[0]


@pytest.mark.parametrize(("schema", "entered", "value"), FILLED)
def test_what_is_filled_in_is_sent_as_a_value(schema, entered, value):
    form, field = field_of(schema)
    field_widget = widget_of(field)
    field_widget.widget.value = entered

    assert field_widget.value() == value
    response = form_response(form, {"x": field_widget}, form.buttons[0])
    assert response == {"x": value, "ok": True}


@pytest.mark.parametrize(
    ("element", "default"),
    [
        ("date", "2026-01-31"),
        ("time", "18:00:00"),
        ("date-time", "2026-01-31T18:00:00"),
        ("textarea", "two\nlines"),
        ("number", 3),
        ("json", {"a": 1}),
        ("toggle", True),
    ],
)
def test_a_field_starts_with_its_default(element, default):
    _, field = field_of({"element": element, "default": default})

    assert widget_of(field).value() == default


@pytest.mark.parametrize("element", ["number", "json"])
def test_a_value_that_cannot_be_read_is_an_error(element):
    _, field = field_of({"element": element, "label": "Amount"})
    amount = widget_of(field)
    amount.widget.value = "{oh"

    with pytest.raises(BadAnswer, match="Amount"):
        amount.value()
