"""A prompt as widgets: what is shown, what is sent, what is said when it is refused."""

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


def message(**more):
    body = {"type": "object", "properties": PROPERTIES}
    return Message.from_json(message_record(body=body, **more))


def widgets_in(box):
    found, left = [], [box]
    while left:
        widget = left.pop(0)
        found.append(widget)
        left += list(getattr(widget, "children", ()))
    return found


class Answered:
    """What was sent, and how."""

    def __init__(self, error=None):
        self.given, self.error = [], error

    def __call__(self, _message_id, response):
        self.given.append(response)
        if self.error:
            raise self.error
        return message(
            status="ANSWERED", response=response, answered_by="ada"
        ).to_json()


def press(box, label):
    [found] = [
        one
        for one in widgets_in(box.box)
        if isinstance(one, ipywidgets.Button) and one.description == label
    ]
    found.click()
    for thread in threading.enumerate():
        if thread.name == "flowkernel-answer":
            thread.join(10)


def said(box):
    return " ".join(
        one.value for one in widgets_in(box.box) if isinstance(one, ipywidgets.HTML)
    )


def test_only_what_belongs_to_a_button_is_sent_with_it():
    answered = Answered()

    press(PromptBox(message(), answered), "Fail")

    assert answered.given == [{"fail": True}]


def test_what_was_edited_is_sent():
    answered = Answered()
    box = PromptBox(message(), answered)
    [source] = [
        one
        for one in widgets_in(box.box)
        if isinstance(one, ipywidgets.Textarea) and one.description == "Cell 2 of 3"
    ]
    source.value = "b = 1\na = b"

    press(box, "Retry cell")

    assert answered.given == [{"source": "b = 1\na = b", "retry_cell": True}]
    assert "Retry cell, by ada" in said(box)


def test_what_the_engine_refuses_is_said_and_can_be_tried_again():
    box = PromptBox(message(), Answered(BadAnswer("<Not> so.")))

    press(box, "Fail")

    assert "&lt;Not&gt; so." in said(box)
    assert not any(one.disabled for one in box._buttons.values())


def test_what_a_message_says_is_shown_and_not_obeyed():
    foreign = (
        "<script>alert(1)</script> [x](javascript:alert(1)) ![x](http://a.b/c.png)"
    )
    shown = html_of(f"**bold** {foreign}")

    assert "<strong>bold</strong>" in shown
    assert "<script" not in shown
    assert "javascript" not in shown.partition("alert(1)")[0]
    assert 'href="javascript' not in shown
    assert "<img" not in shown


def test_every_widget_of_a_prompt_is_known_to_the_pump():
    box = PromptBox(message(), Answered())

    shown = [one.comm.comm_id for one in widgets_in(box.box)]

    assert set(box.comm_ids) == set(shown)


FILLED = [
    ({"element": "toggle"}, True, True),
    ({"element": "number"}, "2.5", 2.5),
    ({"element": "number"}, "", None),
    ({"element": "json"}, '{"a": [1]}', {"a": [1]}),
    ({"element": "string"}, "x", "x"),
    ({"element": "dropdown", "enum": ["a", "b"]}, "b", "b"),
    ({"element": "multi-select", "items": {"enum": ["a", "b"]}}, ("a",), ["a"]),
]


def field_of(asked):
    form = Form.of({"properties": {"x": asked, "ok": button("OK")}})
    return form, form.inputs[0]


@pytest.mark.parametrize(("asked", "typed", "value"), FILLED)
def test_what_is_filled_in_is_sent_as_what_it_means(asked, typed, value):
    form, field = field_of(asked)
    drawn = widget_of(field)
    drawn.widget.value = typed

    assert drawn.value() == value
    response = form_response(form, {"x": drawn}, form.buttons[0])
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
def test_a_default_stands_in_its_field(element, default):
    _, field = field_of({"element": element, "default": default})

    assert widget_of(field).value() == default


@pytest.mark.parametrize("element", ["number", "json"])
def test_what_cannot_be_read_is_said(element):
    _, field = field_of({"element": element, "label": "Amount"})
    amount = widget_of(field)
    amount.widget.value = "{oh"

    with pytest.raises(BadAnswer, match="Amount"):
        amount.value()
