"""Wrappers in words."""

import pytest

from flowkernel.cli.parameters import value_of
from flowkernel.client.wrapper_options import split_wrappers, wrappers_text
from flowkernel.core.errors import BadArgument
from flowkernel.magics.magic_arguments import take_wrappers

KNOWN = frozenset({"--name", "--no-wait"})


def use(name, /, **inputs):
    return {"name": name, "inputs": inputs}


def taken(words):
    return split_wrappers(
        words.split(), "--using", own_options=KNOWN, parse_value=value_of
    )


@pytest.mark.parametrize(
    ("words", "rest", "uses"),
    [
        ("report day=1", "report day=1", []),
        ("report --using retry", "report", [use("retry")]),
        ("report --using=retry", "report", [use("retry")]),
        ("--using retry --max-tries 5 report", "report", [use("retry", max_tries=5)]),
        ("report --using retry --max-tries=5", "report", [use("retry", max_tries=5)]),
        (
            "report --using timeout --timeout-sec 2.5 --using retry --max-tries 5",
            "report",
            [use("timeout", timeout_sec=2.5), use("retry", max_tries=5)],
        ),
        (
            "report --using retry --name x --max-tries 5 --no-wait",
            "report --name x --no-wait",
            [use("retry", max_tries=5)],
        ),
        ("report --max-tries 5", "report --max-tries 5", []),
        ("report --using retry --delay-sec -1", "report", [use("retry", delay_sec=-1)]),
        (
            "report --using retry -- --max-tries 5",
            "report -- --max-tries 5",
            [use("retry")],
        ),
    ],
)
def test_what_stands_behind_a_wrapper_and_is_not_known_is_its(words, rest, uses):
    assert taken(words) == (rest.split(), uses)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("report --using", "--using needs the name of a wrapper after it"),
        ("report --using --name x", "--using needs the name of a wrapper after it"),
        ("report --using retry --max-tries", "--max-tries needs a value after it"),
        (
            "report --using retry --archive-retries --name x",
            "--archive-retries needs a value after it",
        ),
    ],
)
def test_what_is_missing_is_said(words, said):
    with pytest.raises(BadArgument) as refused:
        taken(words)

    assert said in str(refused.value)


def test_behind_a_magic_a_value_is_an_inputs_value_and_a_name_may_be_quoted():
    line = (
        'report note="a --using b" --using "my own" --limit top --also [1, 2] '
        "--no-doubt true --name x"
    )

    rest, uses = take_wrappers(line, "--using", KNOWN, {"top": 7})

    assert rest == 'report note="a --using b" --name x'
    assert uses == [use("my own", limit=7, also=[1, 2], no_doubt=True)]


def test_wrappers_are_told_to_people_outermost_first():
    uses = [use("timeout", timeout_sec=3), use("mine")]

    assert wrappers_text(uses) == "timeout (timeout_sec=3), mine"
