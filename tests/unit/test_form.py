"""What a message may ask, and which answers fit."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.core.errors import (
    BadAnswer,
    BadArgument,
    BadForm,
    BadValue,
    ValueTooBig,
)
from flowkernel.forms.fields import ELEMENTS
from flowkernel.forms.form import HIDDEN, Form, body_of

OK = {"element": "submit", "label": "OK"}


def form(required=(), **properties):
    body = {"type": "object", "properties": {**properties, "ok": OK}}
    return Form.of({**body, "required": list(required)})


def asking(element, **more):
    return form(it={"element": element, **more})


def test_every_element_can_be_asked():
    for element in ELEMENTS:
        choices = {"enum": ["a"], "items": {"enum": ["a"]}}

        [field, *_] = asking(element, **choices).fields

        assert (field.element, field.label) == (element, "It")


FITS = [
    ("string", "text"),
    ("textarea", "two\nlines"),
    ("code", "x = 1"),
    ("password", "secret"),
    ("number", 3),
    ("number", 2.5),
    ("toggle", False),
    ("date", "2026-01-31"),
    ("time", "18:00:30"),
    ("date-time", "2026-01-31T18:00"),
    ("date-time", "2026-01-31T18:00+02:00"),
    ("dropdown", "b"),
    ("multi-select", ["b", "a"]),
    ("json", {"deep": [1, None]}),
    ("file", {"name": "a.csv", "content": base64.b64encode(b"1,2").decode()}),
]
CHOICES = {"enum": ["a", "b"], "items": {"enum": ["a", "b"]}}


@pytest.mark.parametrize(("element", "value"), FITS)
def test_what_fits_is_kept_as_it_is(element, value):
    assert asking(element, **CHOICES).check({"it": value, "ok": True}) == {
        "it": value,
        "ok": True,
    }


DOES_NOT = [
    ("string", 3, "It is 3; it must be text."),
    ("number", "3", 'It is "3"; it must be a number.'),
    ("number", True, "It is true; it must be a number."),
    ("toggle", "yes", 'It is "yes"; it must be true or false.'),
    ("date", "31.1.2026", 'It is "31.1.2026"; write it like 2026-01-31.'),
    ("date", "2026-02-30", "write it like 2026-01-31."),
    ("date", "2026-W05-1", "write it like 2026-01-31."),
    ("time", "25:00", 'It is "25:00"; write it like 18:00.'),
    ("time", "18", "write it like 18:00."),
    ("time", "18:00+02:00", "write it like 18:00."),
    ("date-time", "soon", 'It is "soon"; write it like 2026-01-31T18:00.'),
    ("date-time", "2026-01-31", "write it like 2026-01-31T18:00."),
    ("dropdown", "c", "It is \"c\"; choose one of 'a', 'b'."),
    ("multi-select", ["a", "c"], "It is \"c\"; choose one of 'a', 'b'."),
    ("multi-select", "a", 'It is "a"; it must be a list of choices.'),
    ("file", {"name": "../x", "content": ""}, "which no file can have"),
    ("file", {"name": "x", "content": "?"}, "its content is not base64"),
    ("file", "x", "It must be a file"),
]


@pytest.mark.parametrize(("element", "value", "says"), DOES_NOT)
def test_what_does_not_fit_is_named(element, value, says):
    with pytest.raises(BadAnswer) as refused:
        asking(element, **CHOICES).check({"it": value, "ok": True})

    assert says in str(refused.value)


def test_a_moment_is_kept_in_one_way_of_writing():
    for given_, kept in (
        ("2026-01-31 18:00", "2026-01-31T18:00"),
        ("2026-01-31T18:00:00", "2026-01-31T18:00"),
        ("2026-01-31T18:00:00Z", "2026-01-31T18:00+00:00"),
    ):
        assert asking("date-time").check({"it": given_})["it"] == kept


def test_a_pattern_is_shown_by_its_example():
    code = {"element": "string", "pattern": "^[A-Z]{3}$", "example": "ABC"}

    with pytest.raises(BadAnswer, match=r'It is "abc"; write it like ABC\.'):
        form(it=code).check({"it": "abc"})


def test_a_schema_s_limits_are_kept():
    field = {"element": "number", "type": "integer", "minimum": 1, "label": "Rows"}

    with pytest.raises(BadAnswer, match="Rows: 0 is less than the minimum of 1"):
        form(it=field).check({"it": 0})
    with pytest.raises(BadAnswer, match=r"Rows is 1.5; it must be a whole number"):
        form(it=field).check({"it": 1.5})
    assert form(it=field).check({"it": 2.0}) == {"it": 2, "ok": True}


def test_what_is_needed_must_be_filled_in():
    asked = form(["day"], day={"element": "date", "label": "Which day"})

    for empty in ({}, {"day": None}, {"day": ""}):
        with pytest.raises(BadAnswer, match=r"Still to be filled in: Which day\."):
            asked.check(empty)


def test_a_button_says_what_it_needs():
    account = {"element": "string"}
    none = {"element": "submit", "required": []}
    asked = form(["account"], account=account, none=none)

    assert asked.check({"none": True}) == {"none": True}
    with pytest.raises(BadAnswer, match="Account"):
        asked.check({"ok": True})


def test_of_several_buttons_exactly_one_is_pressed():
    asked = form(retry={"element": "submit"}, fail={"element": "submit"})

    assert asked.check({"retry": True, "fail": False}) == {"retry": True}
    for pressed in ({}, {"retry": True, "fail": True}):
        with pytest.raises(BadAnswer, match="one of: retry, fail, ok"):
            asked.check(pressed)


def test_what_the_form_does_not_have_is_refused():
    with pytest.raises(BadAnswer, match=r"no 'that' to fill in\. It has: it\."):
        asking("string").check({"that": 1})
    with pytest.raises(BadAnswer, match="no 'it' to fill in"):
        asking("markdown").check({"it": "typed for nothing"})


def test_blanks_fill_nothing_in():
    asked = form(["name"], name={"element": "string"})

    with pytest.raises(BadAnswer, match="Still to be filled in: Name"):
        asked.check({"name": "   "})


def test_a_default_stands_until_something_else_does():
    asked = asking("number", default=3)

    assert asked.check({}) == {"it": 3, "ok": True}
    assert asked.check({"it": 0}) == {"it": 0, "ok": True}


def test_elements_follow_from_types():
    asked = form(
        day={"type": "string", "format": "date"},
        rows={"type": "integer"},
        dry={"type": "boolean"},
        region={"type": "string", "enum": ["north"]},
        tags={"type": "array", "items": {"enum": ["a"]}},
        more={"type": "object"},
    )

    found = {field.name: field.element for field in asked.inputs}

    assert found == {
        "day": "date",
        "rows": "number",
        "dry": "toggle",
        "region": "dropdown",
        "tags": "multi-select",
        "more": "json",
    }


def test_order_says_what_comes_first():
    asked = form(
        b={"element": "string", "order": 2}, a={"element": "string", "order": 1}
    )

    assert [field.name for field in asked.inputs] == ["a", "b"]


NO_FORMS = [
    ([], "must be a JSON schema of an object"),
    ({"type": "array"}, "must be a JSON schema of an object"),
    ({}, "`properties`"),
    ({"properties": {"it": 1}}, "'it' must be an object"),
    ({"properties": {"it": {"element": "slider"}}}, "'slider', which does not exist"),
    ({"properties": {"it": {"element": "dropdown"}}}, "it needs `enum`"),
    ({"properties": {"it": {}}, "required": ["that"]}, "required must be a list"),
    ({"properties": {"it": {"order": "x"}}}, "`order` of 'it'"),
    ({"properties": {"it": {"type": "number", "minimum": "x"}}}, "'it': 'x' is not"),
    ({"properties": {"it": {"type": "number", "default": "x"}}}, "The default"),
    ({"properties": {"it": {"type": "null"}}}, "say which `element`"),
    ({"properties": {"it": {"type": {}}}}, "say which `element`"),
    ({"properties": {"it": {}}, "required": [[]]}, "required must be a list"),
    ({"properties": {"it": {}, "ok": OK}, "required": ["ok"]}, "can be filled in (it)"),
    ({"properties": {"it": {"element": "markdown"}}, "required": ["it"]}, "nothing"),
    ({"properties": {"it": {"pattern": "("}}}, "The pattern of 'it' cannot be read"),
    ({"properties": {"it": {"pattern": 3}}}, "The pattern of 'it' cannot be read"),
    ({"properties": {"it": {"element": "multi-select", "items": ["a"]}}}, "`enum`"),
]


@pytest.mark.parametrize(
    ("value", "error"), [(float("inf"), BadValue), ("x" * 2**20, ValueTooBig)]
)
def test_a_form_is_bounded_as_inputs_are(value, error):
    with pytest.raises(error):
        Form.of({"properties": {"it": {"default": value}}})


def test_a_type_that_may_be_null_is_that_type():
    asked = form(a={"type": ["string", "null"]}, b={"type": ["null", "integer"]})

    assert [field.element for field in asked.inputs] == ["string", "number"]


def test_a_pattern_that_takes_too_long_is_given_up():
    asked = form(it={"element": "string", "pattern": "^(a|aa)+$"})

    with pytest.raises(BadAnswer, match="takes too long"):
        asked.check({"it": "a" * 60 + "b"})


def test_a_password_is_in_no_sentence():
    for limit in ({"minLength": 20}, {"pattern": "^x$"}, {"maxLength": 2}):
        with pytest.raises(BadAnswer) as refused:
            asking("password", **limit).check({"it": "s3cret"})
        assert "s3cret" not in str(refused.value)
    with pytest.raises(BadAnswer, match="hidden"):
        asking("password").check({"it": 777})


def test_a_button_that_is_said_not_to_be_pressed_is_not():
    with pytest.raises(BadAnswer, match="one of: ok"):
        asking("string").check({"it": "x", "ok": False})


def test_many_choices_are_checked_quickly():
    many = list(range(10_000))

    asked = form(it={"element": "multi-select", "items": {"enum": many}})

    assert asked.check({"it": [*many, 3]})["it"] == many


@pytest.mark.parametrize(("body", "says"), NO_FORMS)
def test_what_is_no_form_says_where(body, says):
    with pytest.raises(BadForm) as refused:
        Form.of(body)

    assert says in str(refused.value)


def test_a_message_without_a_form_asks_for_an_ok():
    body = body_of(message="m", request=None, body=None, waits=True)

    assert Form.of(body).check({}) == {"ok": True}
    assert body_of(message="m", request=None, body=None, waits=False) is None


def test_a_request_asks_for_one_text():
    asked = Form.of(body_of(message=None, request="Name?", body=None, waits=True))

    assert asked.check({"string": "Ada"}) == {"string": "Ada", "ok": True}
    with pytest.raises(BadAnswer, match=r"Still to be filled in: Name\?\."):
        asked.check({})


def test_a_form_without_a_button_gets_one():
    given_ = {"type": "object", "properties": {"day": {"element": "date"}}}

    body = body_of(message=None, request=None, body=given_, waits=True)

    assert [button.name for button in Form.of(body).buttons] == ["ok"]
    assert "ok" not in given_["properties"]


def test_what_is_typed_into_a_password_is_not_recorded():
    asked = form(user={"element": "string"}, word={"element": "password"})
    response = asked.check({"user": "ada", "word": "secret"})

    assert asked.redacted(response) == {"user": "ada", "word": HIDDEN, "ok": True}
    assert asked.has_secret(response)
    assert not asked.has_secret({"user": "ada", "ok": True})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(ELEMENTS)), JSON)
def test_whatever_is_answered_is_kept_or_refused_with_a_sentence(element, value):
    asked = asking(element, **CHOICES)

    try:
        kept = asked.check({"it": value, "ok": True})
    except BadArgument as refused:
        assert str(refused).endswith(".")
    else:
        assert asked.check(kept) == kept


def test_what_was_emptied_on_purpose_is_kept_where_the_form_says_so():
    properties = {
        "day": {"type": "string", "default": "monday", "keeps_empty": True},
        "note": {"type": "string", "default": "none"},
        "ok": {"element": "submit"},
    }
    asking = Form.of({"properties": properties})

    assert asking.check({"day": "", "note": ""}) == {"day": "", "ok": True}
    assert asking.check({"day": None}) == {"day": None, "note": "none", "ok": True}
    assert asking.check({}) == {"day": "monday", "note": "none", "ok": True}


def message_record(message_id="m1", **more):
    """A message that waits for an answer, as it is told."""
    return {
        "message_id": message_id,
        "execution_id": "e1",
        "root_id": "e1",
        "subject": "It failed",
        "message": "Why?",
        "message_type": "ERROR",
        "created_at": "2026-01-01T12:00:00+00:00",
        "status": "OPEN",
        **more,
    }
