"""A form asked line by line: its questions, and the response of the typed lines."""

import pytest

from flowkernel.forms.dialogue import FormDialogue
from flowkernel.forms.field_questions import SteppedBack
from flowkernel.forms.form import Form


def form_with(**properties):
    return Form.of({"type": "object", "properties": properties})


def talk(form, *lines, **options):
    """All questions, and the response; None while there is another question."""
    return converse(FormDialogue(form, **options).ask(), *lines)


def converse(dialogue, *lines):
    """The same of a dialogue. A line may be `BACK`, which is Ctrl+C."""
    questions, question = [], next(dialogue)
    for line in lines:
        questions.append(question)
        step = dialogue.throw if isinstance(line, SteppedBack) else dialogue.send
        try:
            question = step(line)
        except StopIteration as end:
            return questions, end.value
    return [*questions, question], None


BACK = SteppedBack()


def button(label, **schema):
    return {"element": "submit", "label": label, **schema}


TWO = form_with(go=button("Go on"), stop=button("Stop", description="For good."))
PROMPT = form_with(
    source={"element": "code", "label": "Cell 2 of 3", "default": "a = b"},
    values={"element": "json", "label": "Values", "default": {"a": None, "n": 3}},
    retry_cell=button("Retry cell", required=[], fields=["source"]),
    skip=button("Skip the cell", required=[], fields=["values"]),
    fail=button("Fail", required=[]),
)


@pytest.mark.parametrize("line", ["2", "stop", "Stop", " STOP "])
def test_a_button_is_pressed_by_its_number_or_its_name(line):
    questions, response = talk(TWO, line)

    assert response == {"stop": True}
    assert questions[0].lines_above == ("  1  Go on", "  2  Stop: For good.")


@pytest.mark.parametrize("line", ["3", "", "no"])
def test_an_unknown_button_is_asked_for_again(line):
    questions, response = talk(TWO, line, "1")

    assert response == {"go": True}
    assert len(questions) == 2


def test_a_message_can_be_left_open():
    assert talk(TWO, "later") == ([next(FormDialogue(TWO).ask())], None)


def test_with_one_button_enter_is_enough():
    assert talk(form_with(ok=button("OK")), "")[1] == {"ok": True}


def test_fields_of_another_button_are_not_asked_for():
    assert talk(PROMPT, "Fail")[1] == {"fail": True}


def test_a_source_can_be_kept():
    questions, response = talk(PROMPT, "1", "")

    assert response == {"retry_cell": True}
    assert questions[1].lines_above[:2] == ("Cell 2 of 3:", "    | a = b")


def test_a_source_can_be_typed_again_in_several_lines():
    lines = ["1", "e", "b = 1", "", "a = b", "."]

    assert talk(PROMPT, *lines)[1] == {"retry_cell": True, "source": "b = 1\n\na = b"}


def test_a_pasted_source_keeps_its_first_line():
    questions, response = talk(PROMPT, "1", "b = 1", "", "a = b", ".")

    assert response == {"retry_cell": True, "source": "b = 1\n\na = b"}
    assert "first line" in questions[2].lines_above[0]


def test_where_blocks_can_be_edited_a_source_is_one_question():
    questions, response = talk(PROMPT, "1", "b = 1\na = b", edits_blocks=True)

    assert (questions[1].text, questions[1].block) == ("Cell 2 of 3", "a = b")
    assert response == {"retry_cell": True, "source": "b = 1\na = b"}
    assert talk(PROMPT, "1", "a = b", edits_blocks=True)[1] == {"retry_cell": True}


ALL = form_with(go=button("Go on"), stop=button("Stop all", confirm="Stop 7 runs?"))


def test_a_question_before_a_button_leads_back_unless_it_is_yes():
    questions, response = talk(ALL, "2", "", "stop", "no", "stop", " YES ")

    assert response == {"stop": True}
    texts = [question.text for question in questions]
    assert texts.count("Stop 7 runs? [y/N] > ") == 3


def test_the_question_before_a_button_is_that_of_its_moment():
    questions, _ = talk(ALL, "2", "y", confirm=lambda _button: "Stop 9 runs?")

    assert questions[1].text == "Stop 9 runs? [y/N] > "


def test_an_object_is_asked_for_name_by_name():
    questions, response = talk(PROMPT, "2", "[1, 2]", "")

    assert response == {"skip": True, "values": {"a": [1, 2], "n": 3}}
    assert [question.text.strip() for question in questions[1:]] == [
        "a (JSON, or text) >",
        "n (JSON, or text) [3] >",
    ]


def test_a_value_that_cannot_be_read_is_asked_for_again():
    questions, response = talk(PROMPT, "2", "[1,", "7", "")

    assert response == {"skip": True, "values": {"a": 7, "n": 3}}
    assert "begins like JSON" in questions[2].lines_above[0]


def test_a_password_is_asked_for_as_a_secret():
    questions, response = talk(
        form_with(word={"element": "password"}, ok=button("OK")), "", "geheim"
    )

    assert response == {"ok": True, "word": "geheim"}
    assert questions[1].is_secret


def test_an_empty_line_keeps_the_default():
    questions, response = talk(
        form_with(day={"type": "string", "default": "monday"}, ok=button("OK")), "", ""
    )

    assert response == {"ok": True}
    assert questions[1].text == "Day [monday] > "


def test_an_answer_that_is_neither_yes_nor_no_is_asked_for_again():
    questions, response = talk(ALL, "2", "stop", "y")

    assert response == {"stop": True}
    assert "y for yes" in questions[2].lines_above[0]


@pytest.mark.parametrize("line", ["?", "help"])
def test_help_lists_what_can_be_chosen(line):
    questions, response = talk(TWO, line, "1")

    assert response == {"go": True}
    assert questions[1].lines_above[:2] == questions[0].lines_above
    assert "later" in questions[1].lines_above[2]


def test_a_button_whose_name_is_help_can_be_pressed():
    assert talk(form_with(help=button("Help"), go=button("Go")), "help")[1] == {
        "help": True
    }


def test_whoever_steps_back_from_a_field_is_at_the_choices_again():
    questions, response = talk(PROMPT, "1", BACK, "fail", heading="sums failed")

    assert response == {"fail": True}
    assert questions[2].text == questions[0].text
    assert questions[2].lines_above == ("sums failed", *questions[0].lines_above)


def test_whoever_steps_back_from_a_question_before_a_button_is_at_the_choices_again():
    questions, response = talk(ALL, "2", BACK, "1")

    assert response == {"go": True}
    assert questions[2].text == questions[0].text


def test_whoever_steps_back_from_the_choices_leaves():
    with pytest.raises(SteppedBack):
        talk(PROMPT, "1", BACK, BACK)


@pytest.mark.parametrize(
    ("form", "lines", "shown"),
    [
        (form_with(n={"default": "a"}, m={}, ok=button("OK")), ["", "b"], "[b]"),
        (PROMPT, ["skip", "7"], "[7]"),
    ],
)
def test_what_was_typed_is_the_default_after_a_step_back(form, lines, shown):
    questions, _ = talk(form, *lines, BACK, lines[0])

    assert shown in questions[-1].text


def test_what_was_edited_is_there_again_after_a_step_back():
    dialogue = FormDialogue(PROMPT, edits_blocks=True)

    questions, _ = converse(dialogue.ask(), "1", SteppedBack("a = 4"), "1")

    assert questions[-1].block == "a = 4"
    assert dialogue.draft == {"source": "a = 4"}


def test_lines_of_a_block_that_ends_before_its_time_are_in_the_draft():
    dialogue = FormDialogue(PROMPT)
    questions = dialogue.ask()
    next(questions)
    for line in ("1", "e", "b = 1", "c = 2"):
        questions.send(line)

    questions.close()

    assert dialogue.draft == {"source": "b = 1\nc = 2"}


SECRET = form_with(
    word={"element": "password"},
    rows={"type": "integer"},
    day={"element": "date", "default": "2026-01-31"},
    ok=button("OK"),
)


def test_a_password_is_in_no_draft():
    dialogue = FormDialogue(SECRET)

    questions, _ = converse(dialogue.ask(), "", "geheim", BACK, "")

    assert dialogue.draft == {}
    assert questions[-1].text == "Word (a password, asked for on a terminal) > "


def test_only_what_was_refused_is_asked_for_again():
    dialogue = FormDialogue(SECRET)
    lines = ("", "geheim", "0.5", "2026-02-01")
    _, response = converse(dialogue.ask(), *lines)

    sentence = "Rows is 0.5; it must be a whole number."
    questions, again = converse(dialogue.ask_again(response, sentence), "3")

    assert [question.text for question in questions] == ["Rows (a whole number) > "]
    assert again == {**response, "rows": 3}


def test_a_default_replaces_what_was_refused_if_nothing_is_typed():
    dialogue = FormDialogue(SECRET)
    _, response = converse(dialogue.ask(), "", "geheim", "3", "soon")

    sentence = 'Day is "soon"; write it like 2026-01-31.'
    _, again = converse(dialogue.ask_again(response, sentence), "")

    assert again == {"ok": True, "word": "geheim", "rows": 3}


def test_a_refusal_that_names_no_field_leads_to_the_choices():
    dialogue = FormDialogue(PROMPT, edits_blocks=True, heading="sums failed")
    _, response = converse(dialogue.ask(), "1", "a = 4")

    sentence = "Retry cell is no longer possible. Its kernel is gone."
    questions, again = converse(dialogue.ask_again(response, sentence), "fail")

    assert again == {"fail": True}
    assert questions[0].lines_above[0] == "sums failed"


PYTHON = form_with(
    source={"element": "code", "default": "a = (", "language": "python"},
    go=button("Go", fields=["source"]),
    stop=button("Stop", required=[]),
)


def test_an_edited_cell_that_is_no_python_is_edited_again_before_it_is_sent():
    lines = ("1", "a = [", "", "a = [b]")
    questions, response = talk(PYTHON, *lines, edits_blocks=True)

    assert questions[2].lines_above[0] == (
        "The cell is not valid Python in line 1: '[' was never closed."
    )
    assert questions[3].block == "a = ["
    assert response == {"go": True, "source": "a = [b]"}


def test_an_edited_cell_that_is_no_python_is_sent_if_the_person_says_so():
    expected = {"go": True, "source": "a = ["}

    assert talk(PYTHON, "1", "a = [", "send", edits_blocks=True)[1] == expected
    assert talk(PYTHON, "1", "e", "a = [", ".", "send")[1] == expected


@pytest.mark.parametrize(
    "source", ["a = (", "%time a = 1", "await b", "%%bash\nif x", "x = !ls", "df?"]
)
def test_a_cell_that_is_as_it_was_or_that_ipython_takes_is_sent_at_once(source):
    _, response = talk(PYTHON, "1", source, edits_blocks=True)

    assert response["go"] is True
