"""No protected value survives in what is shown or stored, however it comes in pieces."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowkernel.core.clock import now
from flowkernel.core.models import Event, EventKind
from flowkernel.core.redaction import BUILT_IN, NOTHING, Redaction
from flowkernel.engine.callers import PERSON, ExecutionCaller, TokenKey, WorkerCaller

#: Few characters: values overlap, contain each other and stand beside marks.
LETTERS = 'ab*#•"\\\n'
VALUES = st.lists(st.text(LETTERS, min_size=4, max_size=8), min_size=1, max_size=4)
PIECES = st.text(LETTERS + "xy", max_size=12)


@st.composite
def texts_and_values(draw):
    """Values, and a text in pieces that is likely to have them, whole or cut."""
    values = draw(VALUES)
    parts = draw(st.lists(PIECES | st.sampled_from(values), max_size=10))
    text = "".join(parts)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    edges = [0, *cuts, len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    return values, text, pieces


def in_stream(redaction, pieces):
    stream = redaction.stream()
    return "".join([*map(stream.add, pieces), stream.close()])


def all_texts(value):
    """Every text and key in JSON, and every number as text."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from all_texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from all_texts(part)
    else:
        yield value if isinstance(value, str) else json.dumps(value)


@given(texts_and_values())
@example((["b***", "secret"], "bsecret", ["bs", "ecret"]))
@example((["aaaa"], "a" * 100, ["a"] * 100))
@example((["abcd", "cdef"], "abcdef", ["abcd", "ef"]))
def test_no_protected_value_survives_however_the_text_is_cut(case):
    values, text, pieces = case
    redaction = Redaction.of(values=values)

    whole, joined = redaction.text(text), in_stream(redaction, pieces)

    assert joined == whole
    assert [value for value in values if value in whole] == []


@given(texts_and_values())
def test_a_piece_is_shown_as_soon_as_it_cannot_be_a_value(case):
    """Only what may be the beginning of a value waits for more."""
    values, _, pieces = case
    redaction, text = Redaction.of(values=values), ""
    stream = redaction.stream()

    for piece in pieces:
        text += piece
        stream.add(piece)

        assert len(stream._rest) < max(map(len, redaction.values))


@given(st.text("xyz \n", max_size=200), VALUES)
def test_a_text_without_protected_values_is_unchanged(text, values):
    redaction = Redaction.of(values=values)

    assert redaction.text(text) == text
    assert in_stream(redaction, list(text)) == text
    assert redaction.json({text: [text, 1, None, True]}) == {
        text: [text, 1, None, True]
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | PIECES,
    lambda parts: (
        st.lists(parts, max_size=4) | st.dictionaries(PIECES, parts, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, VALUES, st.data())
def test_no_protected_value_survives_in_json(value, values, data):
    value = {"a": value, data.draw(st.sampled_from(values)): values}
    numbers = [text for text in all_texts(value) if text.lstrip("-").isdecimal()]
    values = [*values, *numbers[:2]]

    hidden = Redaction.of(values=values).json(value)

    assert [
        (protected, text)
        for text in all_texts(hidden)
        for protected in values
        if len(protected) >= 4 and protected in text
    ] == []
    assert len(hidden) == len(value)


def test_what_has_a_protected_key_is_hidden_whole():
    redaction = Redaction.of(keys=["password"])

    assert redaction.json(
        {"user": "me", "password": {"old": 1}, "n": [{"password": 2}]}
    ) == {
        "user": "me",
        "password": "***",
        "n": [{"password": "***"}],
    }


def test_a_value_is_hidden_as_json_and_python_write_it():
    redaction = Redaction.of(values=['pass"word\n'])

    value = 'pass"word\n'
    text = redaction.text(f"{json.dumps({'p': value})} {value!r}")

    assert text == '{"p": "***"} \'***\''


def test_a_mark_says_nothing_of_the_length():
    redaction = Redaction.of(values=["four", "a much longer value"])

    assert redaction.text("four, a much longer value") == "***, ***"


def test_two_keys_that_are_hidden_stay_two():
    redaction = Redaction.of(values=["secret", "hidden"])

    assert redaction.json({"secret": 1, "hidden": 2}) == {"***": 1, "*** (2)": 2}


def test_where_nothing_is_protected_nothing_is_even_looked_at():
    value = object()  # No JSON: it would be refused.

    assert not NOTHING
    assert NOTHING.json(value) is value
    assert NOTHING.stream().add("text") == "text"


@pytest.mark.parametrize("value", ["", "a", "abc"])
def test_a_value_of_a_few_characters_is_not_hidden(value):
    """It would be in every other word."""
    assert not Redaction.of(values=[value])


def test_an_event_is_hidden_in_its_payload_alone():
    event = Event(
        event_id="1",
        execution_id="secret",
        kind=EventKind.OUTPUT_SET,
        happened_at=now(),
        payload={"output": {"text": "a secret"}},
    )

    hidden = Redaction.of(values=["secret"]).event(event)

    assert hidden.payload == {"output": {"text": "a ***"}}
    assert hidden.execution_id == "secret"
    assert NOTHING.event(event) is event


ID = "01a21eb5-0d80-7262-b17b-1a44a091a34d"
KEY = TokenKey(b"k" * 32)
TOKENS = [
    KEY.issue(WorkerCaller(f"worker-{ID}")),
    KEY.issue(ExecutionCaller(ID, 12)),
    f"{PERSON}{'Ab_-' * 10}",
]


@given(st.lists(st.text("fkxw_. \n", max_size=6) | st.sampled_from(TOKENS)), st.data())
@example([TOKENS[1]], None)
def test_no_token_survives_however_the_text_is_cut(parts, data):
    text = "".join(parts)
    lengths = st.lists(st.integers(0, len(text)), max_size=8)
    cuts = sorted(data.draw(lengths)) if data else range(1, len(text))
    pieces = [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]

    whole = BUILT_IN.text(text)

    assert in_stream(BUILT_IN, pieces) == whole
    assert [token for token in TOKENS if token in whole] == []
    assert BUILT_IN.finds({"a": [text]}) is (whole != text)


@given(JSON)
def test_what_has_no_token_is_the_same_with_the_built_in_rules(value):
    assert BUILT_IN.json(value) == value
    assert not BUILT_IN.finds(value)


def test_a_token_is_found_by_the_search_that_finds_what_json_hides():
    """A saved notebook is copied only if it has something to hide."""
    redaction = Redaction.of(values=["12345"], keys=["password"])

    for value in (["12345"], {"12345": 1}, {"a": 123456}, {"password": None}):
        assert redaction.finds(value)
        assert redaction.json(value) != value
    assert not redaction.finds({"a": [1, None, True, "x", 2.5]})
