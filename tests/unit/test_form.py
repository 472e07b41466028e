"""Forms: their elements, and which responses fit."""

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


def form_with(required=(), **properties):
    body = {"type": "object", "properties": {**properties, "ok": OK}}
    return Form.of({**body, "required": list(required)})


def form_for(element, **schema):
    return form_with(it={"element": element, **schema})


def test_every_element_can_be_asked():
    for element in ELEMENTS:
        choices = {"enum": ["a"], "items": {"enum": ["a"]}}

        [field, *_] = form_for(element, **choices).fields

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
def test_a_value_that_fits_is_unchanged(element, value):
    assert form_for(element, **CHOICES).check({"it": value, "ok": True}) == {
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
def test_a_value_that_does_not_fit_is_refused_with_a_sentence(element, value, says):
    with pytest.raises(BadAnswer) as refused:
        form_for(element, **CHOICES).check({"it": value, "ok": True})

    assert says in str(refused.value)


def test_a_moment_is_recorded_in_one_format():
    for text, recorded in (
        ("2026-01-31 18:00", "2026-01-31T18:00"),
        ("2026-01-31T18:00:00", "2026-01-31T18:00"),
        ("2026-01-31T18:00:00Z", "2026-01-31T18:00+00:00"),
    ):
        assert form_for("date-time").check({"it": text})["it"] == recorded


def test_a_pattern_is_shown_by_its_example():
    code = {"element": "string", "pattern": "^[A-Z]{3}$", "example": "ABC"}

    with pytest.raises(BadAnswer, match=r'It is "abc"; write it like ABC\.'):
        form_with(it=code).check({"it": "abc"})


def test_the_limits_of_a_schema_are_checked():
    field = {"element": "number", "type": "integer", "minimum": 1, "label": "Rows"}

    with pytest.raises(BadAnswer, match="Rows: 0 is less than the minimum of 1"):
        form_with(it=field).check({"it": 0})
    with pytest.raises(BadAnswer, match=r"Rows is 1.5; it must be a whole number"):
        form_with(it=field).check({"it": 1.5})
    assert form_with(it=field).check({"it": 2.0}) == {"it": 2, "ok": True}


def test_required_fields_must_be_filled_in():
    form = form_with(["day"], day={"element": "date", "label": "Which day"})

    for empty in ({}, {"day": None}, {"day": ""}):
        with pytest.raises(
            BadAnswer, match=r"Required, but not filled in: Which day\."
        ):
            form.check(empty)


def test_a_button_has_its_own_required_fields():
    account = {"element": "string"}
    none = {"element": "submit", "required": []}
    form = form_with(["account"], account=account, none=none)

    assert form.check({"none": True}) == {"none": True}
    with pytest.raises(BadAnswer, match="Account"):
        form.check({"ok": True})


def test_of_several_buttons_exactly_one_is_pressed():
    form = form_with(retry={"element": "submit"}, fail={"element": "submit"})

    assert form.check({"retry": True, "fail": False}) == {"retry": True}
    for response in ({}, {"retry": True, "fail": True}):
        with pytest.raises(BadAnswer, match="one of: retry, fail, ok"):
            form.check(response)


def test_names_that_the_form_does_not_have_are_refused():
    with pytest.raises(BadAnswer, match=r"no 'that'\. .* To fill in, it has: it\."):
        form_for("string").check({"that": 1})
    with pytest.raises(BadAnswer, match=r"no 'it'\. .* it has: nothing\."):
        form_for("markdown").check({"it": "typed for nothing"})


def test_the_nearest_field_or_button_is_offered():
    form = form_with([], amount={"element": "number"}, approve={"element": "submit"})

    with pytest.raises(BadAnswer, match="Did you mean 'amount'"):
        form.check({"amuont": 1, "approve": True})
    with pytest.raises(BadAnswer, match="Did you mean 'approve'"):
        form.check({"amount": 1, "aprove": True})


def test_blanks_do_not_fill_a_required_field():
    form = form_with(["name"], name={"element": "string"})

    with pytest.raises(BadAnswer, match="Required, but not filled in: Name"):
        form.check({"name": "   "})


def test_the_default_is_used_if_nothing_is_filled_in():
    form = form_for("number", default=3)

    assert form.check({}) == {"it": 3, "ok": True}
    assert form.check({"it": 0}) == {"it": 0, "ok": True}


def test_an_element_follows_from_the_type():
    form = form_with(
        day={"type": "string", "format": "date"},
        rows={"type": "integer"},
        dry={"type": "boolean"},
        region={"type": "string", "enum": ["north"]},
        tags={"type": "array", "items": {"enum": ["a"]}},
        more={"type": "object"},
    )

    elements = {field.name: field.element for field in form.inputs}

    assert elements == {
        "day": "date",
        "rows": "number",
        "dry": "toggle",
        "region": "dropdown",
        "tags": "multi-select",
        "more": "json",
    }


def test_fields_are_in_the_order_of_their_order():
    form = form_with(
        b={"element": "string", "order": 2}, a={"element": "string", "order": 1}
    )

    assert [field.name for field in form.inputs] == ["a", "b"]


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
    form = form_with(a={"type": ["string", "null"]}, b={"type": ["null", "integer"]})

    assert [field.element for field in form.inputs] == ["string", "number"]


def test_a_pattern_that_takes_too_long_is_stopped():
    form = form_with(it={"element": "string", "pattern": "^(a|aa)+$"})

    with pytest.raises(BadAnswer, match="takes too long"):
        form.check({"it": "a" * 60 + "b"})


def test_no_error_shows_a_password():
    for limit in ({"minLength": 20}, {"pattern": "^x$"}, {"maxLength": 2}):
        with pytest.raises(BadAnswer) as refused:
            form_for("password", **limit).check({"it": "s3cret"})
        assert "s3cret" not in str(refused.value)
    with pytest.raises(BadAnswer, match="hidden"):
        form_for("password").check({"it": 777})


def test_a_button_that_is_false_is_not_pressed():
    with pytest.raises(BadAnswer, match="one of: ok"):
        form_for("string").check({"it": "x", "ok": False})


def test_many_choices_are_checked_quickly():
    many = list(range(10_000))

    form = form_with(it={"element": "multi-select", "items": {"enum": many}})

    assert form.check({"it": [*many, 3]})["it"] == many


@pytest.mark.parametrize(("body", "says"), NO_FORMS)
def test_an_error_of_a_form_names_the_property(body, says):
    with pytest.raises(BadForm) as refused:
        Form.of(body)

    assert says in str(refused.value)


def test_a_message_without_a_form_has_an_ok_button():
    body = body_of(message="m", request=None, body=None, waits=True)

    assert Form.of(body).check({}) == {"ok": True}
    assert body_of(message="m", request=None, body=None, waits=False) is None


def test_a_request_asks_for_one_text():
    form = Form.of(body_of(message=None, request="Name?", body=None, waits=True))

    assert form.check({"string": "Ada"}) == {"string": "Ada", "ok": True}
    with pytest.raises(BadAnswer, match=r"Required, but not filled in: Name\?\."):
        form.check({})


def test_a_form_without_a_button_gets_one():
    original = {"type": "object", "properties": {"day": {"element": "date"}}}

    body = body_of(message=None, request=None, body=original, waits=True)

    assert [button.name for button in Form.of(body).buttons] == ["ok"]
    assert "ok" not in original["properties"]


def test_a_password_is_not_recorded():
    form = form_with(user={"element": "string"}, word={"element": "password"})
    response = form.check({"user": "ada", "word": "secret"})

    assert form.redacted(response) == {"user": "ada", "word": HIDDEN, "ok": True}
    assert form.has_secret(response)
    assert not form.has_secret({"user": "ada", "ok": True})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(ELEMENTS)), JSON)
def test_any_response_is_recorded_or_refused_with_a_sentence(element, value):
    form = form_for(element, **CHOICES)

    recorded, sentence = None, "."
    try:
        recorded = form.check({"it": value, "ok": True})
    except BadArgument as error:
        sentence = str(error)

    assert sentence.endswith(".")
    assert recorded is None or form.check(recorded) == recorded


def test_keeps_empty_records_what_was_emptied_on_purpose():
    properties = {
        "day": {"type": "string", "default": "monday", "keeps_empty": True},
        "note": {"type": "string", "default": "none"},
        "ok": {"element": "submit"},
    }
    form = Form.of({"properties": properties})

    assert form.check({"day": "", "note": ""}) == {"day": "", "ok": True}
    assert form.check({"day": None}) == {"day": None, "note": "none", "ok": True}
    assert form.check({}) == {"day": "monday", "note": "none", "ok": True}


def message_record(message_id="m1", **fields):
    """A message that waits for an answer, as JSON."""
    return {
        "message_id": message_id,
        "execution_id": "e1",
        "root_id": "e1",
        "subject": "It failed",
        "message": "Why?",
        "message_type": "ERROR",
        "created_at": "2026-01-01T12:00:00+00:00",
        "status": "OPEN",
        **fields,
    }


@pytest.mark.parametrize("value", ["x", True, 1.5])
def test_a_whole_number_is_asked_for_in_the_same_words_whatever_is_wrong(value):
    form = form_with([], n={"element": "number", "type": "integer", "label": "by"})

    with pytest.raises(BadAnswer, match=r"by is .*; it must be a whole number\."):
        form.inputs[0].check(value)
