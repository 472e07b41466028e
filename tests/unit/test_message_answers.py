"""What `flowkernel message answer` makes of its words."""

import pytest

from flowkernel.cli.message_operations import confirms, make_response
from flowkernel.core.errors import BadArgument
from flowkernel.forms.form import Form
from tests.unit.test_dialogue import button

FORM = Form.of(
    {
        "properties": {
            "values": {
                "element": "json",
                "by_name": True,
                "default": {"total": None, "day": None},
            },
            "skip": button("Skip", required=[], fields=["values"]),
            "fail": button("Fail", required=[]),
        }
    }
)


def test_the_values_of_an_object_are_given_name_by_name():
    pairs = ["values.total=14", "values.day=monday"]

    response = make_response(FORM, "skip", pairs)

    assert response == {"skip": True, "values": {"total": 14, "day": "monday"}}


def test_they_can_be_given_as_json_too():
    response = make_response(FORM, "skip", ['values={"other": 1}'])

    assert response == {"skip": True, "values": {"other": 1}}


def test_a_misspelled_name_is_refused():
    sentence = r"no 'totl'. Did you mean 'total'\? It has: total, day"
    with pytest.raises(BadArgument, match=sentence):
        make_response(FORM, "skip", ["values.totl=14"])


@pytest.mark.parametrize("word", ["skpi", "Skp", "fial"])
def test_a_misspelled_button_gets_the_nearest_one(word):
    with pytest.raises(
        BadArgument, match=r"no button .* Did you mean '(Skip|skip|fail)'"
    ):
        make_response(FORM, word, [])


def test_values_for_another_button_are_refused():
    with pytest.raises(BadArgument, match="of no use for 'fail'"):
        make_response(FORM, "fail", ["values.total=14"])


ALL = Form.of({"properties": {"all": button("All", confirm="Cancel 2 runs?")}})
CONFIRMS = "flowkernel.cli.message_operations"


@pytest.mark.parametrize(
    ("lines", "counts"), [(["y"], True), ([""], False), (["current", "no"], False)]
)
def test_a_person_is_asked_before_a_button_that_ends_many_runs(
    monkeypatch, lines, counts
):
    monkeypatch.setattr(f"{CONFIRMS}.is_interactive", lambda: True)
    questions, typed = [], iter(lines)
    monkeypatch.setattr(
        "builtins.input", lambda text: (questions.append(text), next(typed))[1]
    )

    assert confirms(ALL, {"all": True}) is counts
    assert questions[0] == "Cancel 2 runs? [y/N] "
    assert len(questions) == len(lines)


def test_a_script_is_not_asked(monkeypatch):
    monkeypatch.setattr(f"{CONFIRMS}.is_interactive", lambda: False)

    assert confirms(ALL, {"all": True})


@pytest.mark.parametrize(
    ("source", "lines", "counts"),
    [("a = (", ["n"], False), ("a = (", ["y"], True), ("a = 2", [], True)],
)
def test_a_person_is_asked_before_a_cell_that_is_no_python_is_sent(
    monkeypatch, capsys, source, lines, counts
):
    monkeypatch.setattr(f"{CONFIRMS}.is_interactive", lambda: True)
    typed = iter(lines)
    monkeypatch.setattr("builtins.input", lambda _text: next(typed))
    form = Form.of(
        {
            "properties": {
                "source": {"element": "code", "default": "a = 1", "language": "python"},
                "go": button("Go", fields=["source"]),
            }
        }
    )

    assert confirms(form, {"go": True, "source": source}) is counts
    assert list(typed) == []
    assert bool(lines) is ("not valid Python" in capsys.readouterr().err)
