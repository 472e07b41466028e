"""A form asked line by line: its questions, and the response of the typed lines."""

import pytest

from flowkernel.forms.dialogue import form_dialogue
from flowkernel.forms.form import Form


def form_with(**properties):
    return Form.of({"type": "object", "properties": properties})


def talk(form, *lines, **options):
    """All questions, and the response; None while there is another question."""
    dialogue, questions = form_dialogue(form, **options), []
    question = next(dialogue)
    for line in lines:
        questions.append(question)
        try:
            question = dialogue.send(line)
        except StopIteration as end:
            return questions, end.value
    return [*questions, question], None


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
    assert talk(TWO, "later") == ([next(form_dialogue(TWO))], None)


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
