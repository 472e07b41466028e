"""Pairs of name and value on the command line, and what a value means. Pure."""

import json
import math
import re
from collections.abc import Iterable, Sequence

from flowkernel.errors import BadArgument
from flowkernel.models import Json
from flowkernel.uses import take_uses

FLAGS = frozenset({"-p", "--parameter"})
WORDS: dict[str, Json] = {"true": True, "false": False, "none": None, "null": None}
USING = "--using"
#: The commands that take wrappers, and their options: what is no parameter of a wrapper.
TAKES_USES = {
    ("run",): frozenset(
        {"--parameter", "--name", "--no-wait", "--json", "--interactive", "--help"}
    ),
    ("flow", "wrap"): frozenset({"--json", "--help"}),
}
_PAIR = re.compile(r"[^\W\d]\w*=", re.DOTALL)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


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
            rest, uses = take_uses(words, USING, known=known, value_of=value_of)
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


def value_of(text: str, name: str) -> Json:
    """What a word means: a constant, a number, JSON in brackets or quotes, else text."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    if _WHOLE.fullmatch(text):
        return _whole(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if text[:1] in ("{", "["):
        return _json(text, name)
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _json(text, name)
    return text


def _whole(text: str) -> Json:
    try:
        return int(text)
    except ValueError:  # Python reads no more than 4300 digits.
        return text


def _json(text: str, name: str) -> Json:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadArgument(
            f"The value of {name!r} begins like JSON but is not valid ({error}): {text!r}. "
            "If it is meant as text, put it in double quotes, and these in single ones: "
            f"-p {name} '\"...\"'."
        ) from error
