"""An option is declared once: both parsers of the command line understand it alike."""

import inspect
from itertools import combinations
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.cli.command_line import COMMANDS, app, make_app
from flowkernel.cli.options import Argument, Option, declarations
from flowkernel.cli.parameters import WRAPPER_FLAG, inputs_in, wrappers_in
from flowkernel.cli.quick_parser import quick_parse
from flowkernel.cli.run_command import run
from flowkernel.core.errors import BadArgument


def mixed(
    path: Annotated[str, Argument(metavar="PATH", help="Required.")],
    button: Annotated[str | None, Argument(metavar="BUTTON", help="Optional.")] = None,
    count: Annotated[int, Option(("--count",), help="A number.", minimum=1)] = 20,
    keep: Annotated[int | None, Option(("--keep",), help="A number or None.")] = None,
    follow: Annotated[bool, Option(("-f", "--follow"), help="A flag.")] = False,
    tag: Annotated[list[str] | None, Option(("-t", "--tag"), help="A list.")] = None,
) -> None:
    """A command with each kind of argument and option."""


OPTIONS = {
    command: [item for item in declarations(command) if isinstance(item.kind, Option)]
    for command in (run, mixed)
}


def quickly_parsed(command: Any, words: list[str]) -> dict[str, Any] | None:
    """What the quick parser understands; None: nothing."""
    try:
        return quick_parse(command, words)
    except BadArgument:
        return None


def fully_parsed(command: Any, words: list[str]) -> dict[str, Any] | None:
    """What typer understands; None: it would print an error or the help."""
    calls: list[dict[str, Any]] = []

    def record(**arguments: Any) -> None:
        calls.append(arguments)

    record.__signature__ = inspect.signature(command)
    recording_app = make_app({"": {"other": mixed, command.__name__: record}})
    try:
        recording_app(args=[command.__name__, *words], standalone_mode=False)
    except Exception:
        return None
    return calls[0] if calls else None


def words_for(declaration: Any, flag: str, number: int) -> list[str]:
    """A plain use of one option."""
    if declaration.is_flag:
        return [flag]
    return [flag, str(number) if declaration.is_number else f"n{number}=text"]


@pytest.mark.parametrize("command", OPTIONS)
def test_the_parsers_agree_on_every_option(command):
    for declaration in OPTIONS[command]:
        for flag in declaration.kind.flags:
            words = ["target", *words_for(declaration, flag, 41)]

            arguments = quickly_parsed(command, words)

            assert arguments is not None, words
            assert arguments[declaration.name] != declaration.default
            assert arguments == fully_parsed(command, words)


@pytest.mark.parametrize("command", OPTIONS)
def test_the_parsers_agree_on_options_together(command):
    for first, second in combinations([*OPTIONS[command], *OPTIONS[command]], 2):
        words = [
            *words_for(first, first.kind.flags[-1], 41),
            "target",
            *words_for(second, second.kind.flags[0], 42),
        ]

        assert quickly_parsed(command, words) == fully_parsed(command, words)


WORDS = st.sampled_from(
    [
        *("report", "a.ipynb", "-p", "day=2026-01-01", "n=-1", "--name=n", "-pn=1"),
        *("--using", "retry", "--max-tries", "5", "--help", "--", "-x", "--js", ""),
        *(flag for item in OPTIONS[run] for flag in item.kind.flags),
    ]
)


@given(st.lists(WORDS, max_size=6))
@settings(max_examples=40)
def test_what_the_quick_parser_understands_typer_understands_alike(words):
    arguments = quickly_parsed(run, words)

    assert arguments is None or arguments == fully_parsed(run, words)


@pytest.mark.parametrize(
    "words",
    [
        ["report"],
        ["report", "-p", "day=1", "-p", "n=2", "--name", "x", "--json"],
        ["--no-wait", "a.ipynb"],
        ["report", "--using", "retry", "--max-tries", "5"],
    ],
)
def test_plain_words_are_parsed_quickly(words):
    assert quickly_parsed(run, words) == fully_parsed(run, words) is not None


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["a", "b"], ["report", "--nam", "x"]]
)
def test_the_rest_is_left_to_typer(words):
    assert quickly_parsed(run, words) is None


@pytest.mark.parametrize("words", [["x", "--count", "0"], ["x", "--count", "many"]])
def test_a_number_out_of_range_is_left_to_typer(words):
    assert quickly_parsed(mixed, words) is None
    assert fully_parsed(mixed, words) is None


# -- wrappers ------------------------------------------------------------------------------

TAKE_WRAPPERS = [
    (group, name)
    for group, members in COMMANDS.items()
    for name, command in members.items()
    for declaration in declarations(command)
    if WRAPPER_FLAG in getattr(declaration.kind, "flags", ())
]


def test_run_register_and_wrap_take_wrappers():
    assert TAKE_WRAPPERS == [("", "run"), ("flow", "register"), ("flow", "wrap")]


@pytest.mark.parametrize(("group", "name"), TAKE_WRAPPERS)
def test_options_behind_a_wrapper_are_its_parameters_unless_the_command_has_them(
    group, name
):
    command = COMMANDS[group][name]
    words = ["report", "--using", "retry", "--max-tries", "5", "--json"]

    arguments = fully_parsed(command, words)

    assert arguments["json"] is True
    assert wrappers_in(arguments["using"]) == [
        {"name": "retry", "inputs": {"max_tries": 5}}
    ]


def test_no_option_of_run_becomes_a_parameter_of_a_wrapper():
    for declaration in OPTIONS[run]:
        flag = declaration.kind.flags[-1]
        words = ["report", "--using", "retry", *words_for(declaration, flag, 41)]

        arguments = quickly_parsed(run, words)

        retry, *_others = wrappers_in(arguments["using"])
        assert retry == {"name": "retry", "inputs": {}}


def test_a_command_without_wrappers_does_not_take_them():
    words = ["execution", "list", "--using", "retry", "--max-tries", "5"]

    with pytest.raises(Exception, match="No such option"):
        app(args=words, standalone_mode=False)


def test_inputs_keep_their_order():
    assert list(inputs_in(["b=1", "a=2"])) == ["b", "a"]
