"""The help of every command: plain words, and examples that are correct."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from flowkernel.cli.command_line import app
from flowkernel.cli.parameters import join_pairs
from flowkernel.core.status import ExecutionStatus

ROOT = typer.main.get_command(app)
STORED_STATUS = re.compile(rf"\b({'|'.join(ExecutionStatus)})\b")


def all_commands(command: Any = ROOT, path: str = "flowkernel") -> Iterator[Any]:
    """Each group and each command, with the words that lead to it."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from all_commands(child, f"{path} {name}")


COMMANDS = dict(all_commands())


def help_of(path: str) -> str:
    command = COMMANDS[path]
    context = command.context_class(command, info_name=path)
    return str(command.get_help(context))


def parse(words: list[str]) -> str:
    """Parse a command line without calling the command; the words that lead to it."""
    command, path, context = ROOT, words[0], None
    words = join_pairs(words[1:])
    while hasattr(command, "commands"):
        context = command.context_class(command, info_name=path, parent=context)
        _name, command, words = command.resolve_command(context, words)
        path = f"{path} {command.name}"
    if words != ["--help"]:
        command.make_context(command.name, list(words), parent=context)
    return path


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_one_to_three_examples(path):
    text = help_of(path)

    examples = text.partition("\nExamples:\n")[2].splitlines()

    assert 1 <= len(examples) <= 3
    assert all(example.startswith(f"  {path}") for example in examples)
    assert all(len(example) <= 80 for example in examples)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_is_correct(path):
    for example in COMMANDS[path].epilog.splitlines():
        assert parse(shlex.split(example)).startswith(path), example


@pytest.mark.parametrize("path", COMMANDS)
def test_every_argument_and_option_has_help_that_is_a_sentence(path):
    for parameter in COMMANDS[path].params:
        assert re.fullmatch(r"[A-Z\"].*\.", parameter.help), parameter.name


@pytest.mark.parametrize("path", COMMANDS)
def test_the_first_sentence_fits_into_the_list_of_commands(path):
    """So that none is cut off with three dots."""
    assert not re.search(r"^  \w+  .*\.\.\.$", help_of(path), re.MULTILINE)


@pytest.mark.parametrize("path", COMMANDS)
def test_help_has_no_stored_status(path):
    assert not STORED_STATUS.findall(help_of(path))


@pytest.mark.parametrize("status", ExecutionStatus)
def test_every_status_stands_in_the_help_of_the_list(status):
    text = " ".join(help_of("flowkernel execution list").split())

    assert status.label in text
