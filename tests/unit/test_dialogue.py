"""A form asked line by line: what is asked, and what becomes of what is typed."""

import pytest

from flowkernel.forms.dialogue import form_dialogue
from flowkernel.forms.form import Form


def form(**properties):
    return Form.of({"type": "object", "properties": properties})


def talk(form, *lines):
    """All that is asked, and the response; None as long as more is asked."""
    going, asked = form_dialogue(form), []
    question = next(going)
    for line in lines:
        asked.append(question)
        try:
            question = going.send(line)
        except StopIteration as end:
            return asked, end.value
    return [*asked, question], None


def button(label, **more):
    return {"element": "submit", "label": label, **more}


TWO = form(go=button("Go on"), stop=button("Stop", description="For good."))
PROMPT = form(
    source={"element": "code", "label": "Cell 2 of 3", "default": "a = b"},
    values={"element": "json", "label": "Values", "default": {"a": None, "n": 3}},
    retry_cell=button("Retry cell", required=[], fields=["source"]),
    skip=button("Skip the cell", required=[], fields=["values"]),
    fail=button("Fail", required=[]),
)


@pytest.mark.parametrize("typed", ["2", "stop", "Stop", " STOP "])
def test_a_button_is_pressed_by_its_number_or_its_name(typed):
    asked, response = talk(TWO, typed)

    assert response == {"stop": True}
    assert asked[0].lines_above == ("  1  Go on", "  2  Stop: For good.")


@pytest.mark.parametrize("typed", ["3", "", "no"])
def test_what_is_no_button_is_asked_again(typed):
    asked, response = talk(TWO, typed, "1")

    assert response == {"go": True}
    assert len(asked) == 2


def test_it_can_be_left_for_later():
    assert talk(TWO, "later") == ([next(form_dialogue(TWO))], None)


def test_with_one_button_enter_is_enough():
    assert talk(form(ok=button("OK")), "")[1] == {"ok": True}


def test_what_belongs_to_another_button_is_not_asked():
    assert talk(PROMPT, "Fail")[1] == {"fail": True}


def test_a_source_is_kept_as_it_stands():
    asked, response = talk(PROMPT, "1", "")

    assert response == {"retry_cell": True}
    assert asked[1].lines_above[:2] == ("Cell 2 of 3:", "    | a = b")


def test_a_source_is_written_anew_in_several_lines():
    lines = ["1", "e", "b = 1", "", "a = b", "."]

    assert talk(PROMPT, *lines)[1] == {"retry_cell": True, "source": "b = 1\n\na = b"}


def test_values_are_asked_name_by_name():
    asked, response = talk(PROMPT, "2", "[1, 2]", "")

    assert response == {"skip": True, "values": {"a": [1, 2], "n": 3}}
    assert [question.text.strip() for question in asked[1:]] == ["a >", "n [3] >"]


def test_a_value_that_cannot_be_read_is_asked_again():
    asked, response = talk(PROMPT, "2", "[1,", "7", "")

    assert response == {"skip": True, "values": {"a": 7, "n": 3}}
    assert "begins like JSON" in asked[2].lines_above[0]


def test_a_password_is_asked_as_a_secret():
    asked, response = talk(
        form(word={"element": "password"}, ok=button("OK")), "", "geheim"
    )

    assert response == {"ok": True, "word": "geheim"}
    assert asked[1].is_secret


def test_nothing_typed_leaves_the_default_to_the_form():
    asked, response = talk(
        form(day={"type": "string", "default": "monday"}, ok=button("OK")), "", ""
    )

    assert response == {"ok": True}
    assert asked[1].text == "Day [monday] > "
