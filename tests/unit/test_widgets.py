"""A prompt as widgets: what is shown, what is sent, and what a refused answer shows."""

import threading
from collections import deque
from datetime import UTC, datetime

import ipywidgets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets.comm import get_comm_manager
from ipywidgets.widgets.widget import _instances

from flowkernel.core.errors import BadAnswer, FlowkernelError
from flowkernel.core.models import Message
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.tree import Tree
from flowkernel.forms.fields import ELEMENTS
from flowkernel.forms.form import Form
from flowkernel.widgets import widget_parts
from flowkernel.widgets.field_widgets import form_response, widget_of
from flowkernel.widgets.live_tree import LiveTree
from flowkernel.widgets.prompt_box import PromptBox
from flowkernel.widgets.prompt_html import html_of, message_html
from flowkernel.widgets.prompt_script import PromptScript
from flowkernel.widgets.prompt_view import CLOSED_SHOWN, InboxList, PromptList
from flowkernel.widgets.tree_html import tree_html
from flowkernel.widgets.widget_parts import close_widgets
from tests.records import an_execution
from tests.unit.test_dialogue import button
from tests.unit.test_form import message_record

PROPERTIES = {
    "source": {"element": "code", "label": "Cell 2 of 3", "default": "a = b"},
    "values": {"element": "json", "label": "Values", "default": {"a": None}},
    "retry_cell": button("Retry cell", required=[], fields=["source"]),
    "skip": button("Skip the cell", required=[], fields=["values"]),
    "fail": button("Fail", required=[]),
    "cancel_all": button("Cancel all 2 runs", required=[], confirm="Cancel 2 runs?"),
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


#: In so many seconds a list ends that nothing holds.
UNHELD_SECONDS = 0.05


class Answers:
    """Keeps the responses that were sent; refuses them with an error, if it has one."""

    def __init__(self, error=None):
        self.responses, self.error = [], error
        self.current = message()

    def read(self, _message_id):
        return self.current

    def answer(self, _message_id, response):
        self.responses.append(response)
        if self.error:
            raise self.error
        return message(status="ANSWERED", response=response, answered_by="ada")


def press(box, label):
    [button] = [
        widget
        for widget in widgets_in(box.box)
        if isinstance(widget, ipywidgets.Button) and widget.description == label
    ]
    button.click()
    join_answers()


def join_answers():
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
    assert "failed: Retry cell, by ada" in html_in(box)


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

    assert set(box.comm_ids) == {*comm_ids, box._script.comm.comm_id}


def counted(count):
    """The message as it is when `cancel_all` would end so many runs."""
    words = {"label": f"Cancel all {count} runs", "confirm": f"Cancel {count} runs?"}
    properties = {**PROPERTIES, "cancel_all": PROPERTIES["cancel_all"] | words}
    body = {"type": "object", "properties": properties}
    return Message.from_json(message_record(body=body))


def test_a_button_that_asks_again_counts_with_yes_alone():
    answers = Answers()
    box = PromptBox(message(), answers)

    press(box, "Cancel all 2 runs")
    asked = html_in(box)
    press(box, "No")

    assert "Cancel 2 runs?" in asked
    assert "Cancel 2 runs?" not in html_in(box)
    assert answers.responses == []

    press(box, "Cancel all 2 runs")
    press(box, "Yes")

    assert answers.responses == [{"cancel_all": True}]


def test_the_runs_are_counted_at_the_click():
    answers = Answers()
    box = PromptBox(message(), answers)
    answers.current = counted(9)

    press(box, "Cancel all 2 runs")

    assert "Cancel 9 runs?" in html_in(box)
    assert answers.responses == []


def test_another_button_takes_the_question_away():
    answers = Answers()
    box = PromptBox(message(), answers)

    press(box, "Cancel all 2 runs")
    press(box, "Fail")

    assert answers.responses == [{"fail": True}]


def test_a_prompt_that_was_answered_meanwhile_asks_nothing():
    answers = Answers()
    box = PromptBox(message(), answers)
    answers.current = message(status="ANSWERED", response={"fail": True})

    press(box, "Cancel all 2 runs")

    assert "Fail, by somebody" in html_in(box)


def test_only_what_ends_other_runs_is_red_and_it_stands_apart():
    box = PromptBox(message(), Answers())
    shown = [w for w in widgets_in(box.box) if isinstance(w, ipywidgets.Button)]
    red = [w.description for w in shown if w.button_style == "danger"]
    [apart] = [
        widget
        for widget in widgets_in(box.box)
        if "jp-flowkernel-apart" in getattr(widget, "_dom_classes", ())
    ]

    assert sorted(red) == ["Cancel all 2 runs", "Yes"]
    assert [w.description for w in apart.children] == ["Cancel all 2 runs"]


def test_the_script_is_shown_when_the_page_can_show_it():
    box = PromptBox(message(), Answers())
    assert box._script not in box.box.children

    box._script.is_ready = True

    assert box._script in box.box.children
    assert box._script.fields == [
        {"field": 0, "button": "Retry cell"},
        {"field": 1, "button": "Skip the cell"},
    ]


def test_shift_enter_sends_the_text_of_that_moment():
    answers = Answers()
    box = PromptBox(message(), answers)

    content = {"kind": "press", "field": 0, "value": "a = 1"}
    box._script._receive(box._script, content, [])
    join_answers()

    assert answers.responses == [{"retry_cell": True, "source": "a = 1"}]


@pytest.mark.parametrize(
    "content",
    [None, {}, {"kind": "press"}, {"kind": "press", "field": 7, "value": ""}],
)
def test_a_page_cannot_break_the_script(content):
    presses = []
    script = PromptScript(["Go"], lambda *press: presses.append(press))

    script._receive(script, content, [])

    assert presses == []


def test_a_message_says_until_when_it_waits_and_is_not_read_aloud():
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    html = message_html(message(expires_at=noon.isoformat()))

    assert f'data-until="{noon.isoformat()}"' in html
    assert 'role="timer" aria-live="off"' in html
    assert "without a time limit" in message_html(message())


BY_NAME = {"element": "json", "by_name": True, "default": {"rows": None, "day": None}}


def test_values_are_typed_name_by_name():
    _, field = field_of(BY_NAME)
    values = widget_of(field)
    lines = {line.description: line for line in values.value_widgets}

    lines["rows"].value = "3"
    lines["day"].value = "monday"
    assert values.value() == {"rows": 3, "day": "monday"}

    lines["rows"].value = '"007"'
    lines["day"].value = " "
    assert values.value() == {"rows": "007", "day": None}


def open_message(number):
    body = {"type": "object", "properties": {"ok": button("OK")}}
    return Message.from_json(message_record(f"m{number}", body=body))


def inbox_with(*numbers):
    inbox = InboxList(Answers(), None)
    for number in numbers:
        inbox.ask(open_message(number))
    return inbox


def heading_of(inbox):
    return inbox._box.children[0].value


def test_an_inbox_shows_what_comes_later_and_what_is_closed(capsys):
    inbox = inbox_with()
    inbox.show_count()
    assert "Nothing waits for an answer" in heading_of(inbox)

    inbox.ask(open_message(1))
    inbox.ask(open_message(2))
    assert "2 messages wait" in heading_of(inbox)
    assert len(inbox._box.children) == 3

    inbox.close(closed(1))
    assert "1 message waits" in heading_of(inbox)


def closed(number):
    fields = {"status": "ANSWERED", "response": {"ok": True}, "answered_by": "ada"}
    record = message_record(f"m{number}", body=open_message(number).body, **fields)
    return Message.from_json(record)


def test_an_inbox_forgets_the_oldest_of_what_is_closed(capsys):
    numbers = range(CLOSED_SHOWN + 3)
    inbox = inbox_with(*numbers)

    for number in numbers:
        inbox.close(closed(number))

    assert len(inbox._box.children) == 1 + CLOSED_SHOWN


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


DEFAULTS = [
    ("date", " 2026-01-31 ", "2026-01-31"),
    ("date", "2026-01-31\n", "2026-01-31"),
    ("time", " 18:00", "18:00:00"),
    ("date-time", "2026-01-31T18:00 ", "2026-01-31T18:00:00"),
    ("date-time", " 2026-01-31 18:00Z", "2026-01-31T18:00:00"),
    ("date", "", None),
    ("date", [], None),
    ("textarea", [], ""),
    ("string", [], ""),
]


@pytest.mark.parametrize(("element", "default", "value"), DEFAULTS)
def test_no_default_that_a_form_takes_keeps_it_from_being_shown(
    element, default, value
):
    _, field = field_of({"element": element, "default": default})

    assert widget_of(field).value() == value


@pytest.mark.parametrize("default", ["", [], None])
def test_an_empty_default_is_no_choice(default):
    schema = {"element": "dropdown", "enum": ["a", "b"], "default": default}
    _, field = field_of(schema)

    assert widget_of(field).value() is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
) | st.from_regex(
    r"\s*\d{4}-\d\d-\d\d([T ]\d\d:\d\d)?(Z|\+0[0-9]:00)?\s*", fullmatch=True
)


@settings(max_examples=30, deadline=None)
@given(element=st.sampled_from([*ELEMENTS]), default=JSON)
def test_a_form_that_is_accepted_can_be_shown(element, default):
    schema = {"element": element, "default": default, "enum": ["a", 1, None, [1]]}
    try:
        _, field = field_of(schema)
    except (FlowkernelError, IndexError):  # Refused, or nothing to fill in.
        return

    close_widgets(widget_of(field).widget)


def a_broken_message(number):
    """A message whose form is none, as one of another version may be."""
    record = message_record(f"m{number}", body={"properties": {"x": {"type": "new"}}})
    return Message.from_json(record)


def test_a_message_that_cannot_be_shown_says_how_to_answer_it_and_others_go_on(capsys):
    inbox = InboxList(Answers(), None)
    inbox.ask(a_broken_message(1))
    inbox.ask(open_message(2))
    inbox.show_count()

    broken, good = inbox._prompts.values()
    assert "BadForm" in html_in(broken)
    assert "`flowkernel message answer m1 BUTTON`" in html_in(broken)
    assert "It failed" in html_in(good)
    assert "2 messages wait" in heading_of(inbox)

    record = message_record("m1", status="CLOSED", closed_why="Its run has ended.")
    inbox.close(Message.from_json(record))
    assert "Its run has ended." in html_in(broken)


def test_an_inbox_that_has_read_nothing_does_not_say_that_nothing_waits():
    inbox = InboxList(Answers(), None)
    assert "Reading" in heading_of(inbox)

    inbox.ask(open_message(1))
    assert "Reading" in heading_of(inbox)

    inbox.show_count()
    assert "1 message waits" in heading_of(inbox)


def test_an_inbox_that_ends_says_why_and_what_to_do():
    inbox = inbox_with(1)

    inbox.fail(ValueError("<no>"))
    inbox.show_count()

    assert "no longer kept current (ValueError: &lt;no&gt;)" in heading_of(inbox)
    assert "Run %inbox again." in heading_of(inbox)


def widget_count():
    """How many widgets ipywidgets keeps, and how many comms are open."""
    return len(_instances), len(get_comm_manager().comms)


class Pump:
    """The ids that a pump knows."""

    def __init__(self):
        self.ids = set()
        self.add, self.remove = self.ids.update, self.ids.difference_update

    def rest(self):
        """Nothing rests."""


def test_fifty_prompts_that_are_closed_leave_no_widget(capsys):
    first, pump = widget_count(), Pump()
    inbox = InboxList(Answers(), pump)

    def ask_and_close(numbers):
        for number in numbers:
            body = FULL if number % 5 == 0 else open_message(number).body
            inbox.ask(Message.from_json(message_record(f"m{number}", body=body)))
            inbox.close(closed(number))
        return widget_count(), len(pump.ids)

    kept = ask_and_close(range(CLOSED_SHOWN))
    assert ask_and_close(range(CLOSED_SHOWN, CLOSED_SHOWN + 50)) == kept

    inbox.finish()
    assert pump.ids == set()
    close_widgets(inbox._box)
    assert widget_count() == first


FULL = {"type": "object", "properties": PROPERTIES}


@pytest.fixture
def keep_two(monkeypatch, capsys):
    """Two widgets are kept that show how something ended."""
    monkeypatch.setattr(widget_parts, "KEPT", 2)
    monkeypatch.setattr(widget_parts, "_kept", deque())


def end_prompts():
    """The prompts of a run that has ended, one of which was answered."""
    prompts = PromptList(Answers(), None)
    for number in range(3):
        prompts.ask(open_message(number))
    prompts.ask(Message.from_json(message_record("m1", body=FULL)))
    prompts.close(closed(2))
    prompts.finish()
    prompts.ask(open_message(9))  # The thread that follows may be late.
    prompts.close(closed(1))
    return prompts


def end_tree(status=ExecutionStatus.ENDED_SUCCESS):
    """The widget of the tree of a run that was shown until it ended."""
    live = LiveTree()
    live.show(Tree("a", [an_execution("a")]))
    widget = live._widget
    live.finish(Tree("a", [an_execution("a", status=status)]))
    return widget


@pytest.mark.parametrize("end", [end_prompts, end_tree])
def test_however_many_runs_end_few_widgets_are_left(keep_two, end):
    ends = [end() for _ in range(2)]
    count = widget_count()

    ends += [end() for _ in range(2)]

    assert widget_count() == count


def test_a_page_that_was_opened_again_shows_how_a_run_ended(keep_two):
    """Its widgets are all that it has: what the cell displays later is dropped there."""
    tree, prompts = end_tree(), end_prompts()

    assert "succeeded" in tree.value
    assert "As of" not in tree.value
    [outcome] = prompts._box.children
    assert "OK, by ada" in outcome.value
    assert "it waits for an answer. %inbox shows it." in outcome.value
    alive = (tree, prompts._box, outcome)
    assert all(widget.comm is not None for widget in alive)


def test_such_a_page_says_what_shows_why_a_run_failed(keep_two):
    failed = end_tree(ExecutionStatus.ENDED_ERROR)

    assert "Why it failed: <code" in failed.value
    assert "%execution a</code>" in failed.value


def test_a_list_that_was_never_shown_leaves_no_widget():
    first = widget_count()

    PromptList(Answers(), None).finish()

    assert widget_count() == first


def test_a_list_that_makes_room_when_it_ends_shows_how_it_ended(keep_two):
    prompts = PromptList(Answers(), None)
    prompts.ask(open_message(1))
    prompts.pause()

    prompts.finish()
    prompts.poll()

    [outcome] = prompts._box.children
    assert outcome.comm is not None
    assert "%inbox shows it." in outcome.value


def test_a_list_that_ends_while_it_is_drawn_shows_how_it_ended(keep_two):
    prompts = PromptList(Answers(), None)
    prompts.ask(open_message(1))
    parts, end = prompts._parts, threading.Thread(target=prompts.finish)

    def late_parts():
        children = parts()
        end.start()
        end.join(UNHELD_SECONDS)
        return children

    prompts._parts = late_parts
    prompts._show()
    end.join()

    [outcome] = prompts._box.children
    assert "%inbox shows it." in outcome.value


def test_a_number_shows_what_is_typed_and_its_help_and_refuses_in_those_words():
    _, number = field_of(
        {"element": "number", "type": "integer", "label": "by", "description": "Rows."}
    )
    field = widget_of(number)
    field.widget.value = "x"

    assert "a whole number. Rows." in field.view.children[1].value
    with pytest.raises(BadAnswer, match=r"it must be a whole number\."):
        field.value()


def test_a_prompt_makes_room_for_a_question_and_comes_back(capsys):
    prompts = PromptList(Answers(), None)
    prompts.ask(open_message(1))
    children = prompts._box.children

    prompts.pause()
    prompts.ask(open_message(2))  # It comes during the question.
    [line] = prompts._box.children
    assert "question below" in line.value

    prompts.poll()
    assert prompts._box.children[:1] == children
    assert len(prompts._box.children) == 2
    assert all(box.comm is not None for box in prompts._box.children)
    assert line.comm is None


def test_a_tree_says_as_of_when_it_is_under_way_and_its_id():
    running = Tree("a", [an_execution("a")])
    ended = Tree("a", [an_execution("a", status=ExecutionStatus.ENDED_SUCCESS)])

    assert "As of " in tree_html(running)
    assert "%execution a shows it" in tree_html(running)
    assert "As of" not in tree_html(ended)
