"""Pairs of name and value on the command line."""

import pytest

from flowkernel.cli.parameters import inputs_in, join_pairs
from flowkernel.core.errors import BadArgument
from flowkernel.forms.literals import value_of


@pytest.mark.parametrize(
    ("words", "joined_words"),
    [
        (["run", "x", "-p", "day", "monday"], ["run", "x", "-p", "day=monday"]),
        (["-p", "a=1", "--json"], ["-p", "a=1", "--json"]),
        (["-p", "n", "-5", "-p", "b", "--x"], ["-p", "n=-5", "-p", "b=--x"]),
        (["--parameter", "a", "b=c"], ["--parameter", "a=b=c"]),
        (["-p", "text", ""], ["-p", "text="]),
        (["-p", "a=", "x"], ["-p", "a=", "x"]),
        (["sql", "--", "-p"], ["sql", "--", "-p"]),
    ],
)
def test_two_words_become_one(words, joined_words):
    assert join_pairs(words) == joined_words


@pytest.mark.parametrize(
    ("words", "sentence"), [(["-p"], "needs a name"), (["-p", "x"], "no value")]
)
def test_a_missing_value_is_an_error(words, sentence):
    with pytest.raises(BadArgument, match=sentence):
        join_pairs(words)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("None", None),
        ("null", None),
        ("3", 3),
        ("-07", -7),
        ("2.5", 2.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1e999", "1e999"),
        ("nan", "nan"),
        ("1_000", "1_000"),
        ("٣", "٣"),
        ("9" * 5000, "9" * 5000),
        ("[1, 2]", [1, 2]),
        ('{"a": null}', {"a": None}),
        ('"5"', "5"),
        ("2026-01-01", "2026-01-01"),
        ("", ""),
        (" 3", " 3"),
        ("it's", "it's"),
    ],
)
def test_values_are_what_they_look_like(text, value):
    parsed = value_of(text, "x")

    assert parsed == value
    assert type(parsed) is type(value)


def test_broken_json_is_an_error_and_no_text():
    with pytest.raises(BadArgument, match="'x' begins like JSON"):
        value_of("[1, 2", "x")


@pytest.mark.parametrize("pairs", [["a=1", "a=2"], ["a b=1"], ["=1"], ["nothing"]])
def test_bad_names_are_refused(pairs):
    with pytest.raises(BadArgument):
        inputs_in(pairs)


@pytest.mark.parametrize("text", ['{"a": NaN}', "[Infinity]", "[" * 5_000])
def test_what_no_json_can_hold_is_refused(text):
    with pytest.raises(BadArgument, match="begins like JSON"):
        value_of(text, "x")


@pytest.mark.parametrize("flag", ["--using", "--json"])
def test_an_option_is_no_value(flag):
    with pytest.raises(
        BadArgument, match=f"-p day has no value: the option {flag} foll"
    ):
        join_pairs(["run", "x", "-p", "day", flag], frozenset({flag}))

    assert join_pairs(["-p", f"day={flag}"], frozenset({flag})) == ["-p", f"day={flag}"]
    assert join_pairs(["-p", "day", "--other"], frozenset({flag})) == [
        "-p",
        "day=--other",
    ]
