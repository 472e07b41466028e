"""Pairs of name and value on the command line. Pure."""

import json
import re
from collections.abc import Iterable, Sequence

from flowkernel.client.wrapper_options import split_wrappers
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Json
from flowkernel.forms.literals import value_of

FLAGS = frozenset({"-p", "--parameter"})
USING = "--using"
#: The commands that take wrappers, and their options: what is no parameter of a wrapper.
TAKES_USES = {
    ("run",): frozenset(
        {"--parameter", "--name", "--no-wait", "--json", "--interactive", "--help"}
    ),
    ("flow", "wrap"): frozenset({"--json", "--help"}),
}
_PAIR = re.compile(r"[^\W\d]\w*=", re.DOTALL)


def join_pairs(words: Sequence[str]) -> list[str]:
    """`-p NAME VALUE` as `-p NAME=VALUE`: an option of two words cannot be repeated.

    Raises:
        BadArgument: A name without a value.
    """
    joined: list[str] = []
    rest = iter(words)
    for word in rest:
        joined.append(word)
        if word == "--":
            joined.extend(rest)
        elif word in FLAGS:
            joined.append(_pair(word, next(rest, None), rest))
    return joined


def _pair(flag: str, name: str | None, rest: Iterable[str]) -> str:
    if name is None:
        raise BadArgument(f"{flag} needs a name and a value: {flag} day 2026-01-01.")
    if _PAIR.match(name):
        return name
    value = next(iter(rest), None)
    if value is None:
        raise BadArgument(f"{flag} {name} has no value. Write {flag} {name} VALUE.")
    return f"{name}={value}"


def join_uses(words: Sequence[str]) -> list[str]:
    """`--using NAME --parameter VALUE` as one word, `--using={...}`, for `uses_in`.

    Raises:
        BadArgument: A name or a value is missing.
    """
    for command, known in TAKES_USES.items():
        if tuple(words[: len(command)]) == command:
            rest, uses = split_wrappers(
                words, USING, own_options=known, parse_value=value_of
            )
            place = len(command)
            joined = [f"{USING}={json.dumps(use)}" for use in uses]
            return [*rest[:place], *joined, *rest[place:]]
    return list(words)


def uses_in(words: Sequence[str]) -> list[Json]:
    """The wrappers that `join_uses` put in words, outermost first."""
    return [json.loads(word) for word in words]


def parameters_of(pairs: Sequence[str]) -> dict[str, Json]:
    """`NAME=VALUE` pairs as inputs.

    Raises:
        BadArgument: A name is no name or comes twice, or a value is broken JSON.
    """
    inputs: dict[str, Json] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise BadArgument(f"{pair!r} has no value. Write -p {pair} VALUE.")
        if not name.isidentifier():
            raise BadArgument(f"{name!r} cannot be the name of an input.")
        if name in inputs:
            raise BadArgument(f"The input {name!r} is given twice.")
        inputs[name] = value_of(text, name)
    return inputs
