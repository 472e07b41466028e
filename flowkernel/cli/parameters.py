"""Pairs of name and value, and wrappers with their parameters, on the command line. Pure."""

import json
import re
from collections.abc import Iterator, Sequence

from flowkernel.client.wrapper_options import split_wrappers
from flowkernel.core.errors import BadArgument
from flowkernel.core.json_values import check_input_name, dumps, is_number
from flowkernel.core.models import Json
from flowkernel.forms.literals import value_of

#: The option that takes two words, a name and a value.
PAIR_FLAGS = ("-p", "--parameter")
#: The option that the parameters of a wrapper follow.
WRAPPER_FLAG = "--using"
_PAIR = re.compile(r"[^\W\d]\w*=", re.DOTALL)


def join_pairs(words: Sequence[str], flags: frozenset[str] = frozenset()) -> list[str]:
    """`-p NAME VALUE` as `-p NAME=VALUE`: an option of two words cannot be repeated.

    Args:
        flags: Options of the command, which are no values.

    Raises:
        BadArgument: A name without a value.
    """
    joined_words: list[str] = []
    remaining = iter(words)
    for word in remaining:
        joined_words.append(word)
        if word == "--":
            joined_words.extend(remaining)
        elif word in PAIR_FLAGS:
            joined_words.append(_pair(word, remaining, flags))
    return joined_words


def _pair(flag: str, words: Iterator[str], flags: frozenset[str]) -> str:
    name = next(words, None)
    if name is None:
        raise BadArgument(f"{flag} needs a name and a value: {flag} day 2026-01-01.")
    if _PAIR.match(name):
        return name
    value = next(words, None)
    if value is None:
        raise BadArgument(f"{flag} {name} has no value. Write {flag} {name} VALUE.")
    if value in flags:
        raise BadArgument(
            f"{flag} {name} has no value: the option {value} follows. If that is the value, "
            f"write {flag} {name}={value}."
        )
    return f"{name}={value}"


def join_wrappers(words: Sequence[str], flags: frozenset[str]) -> list[str]:
    """`--using NAME --parameter VALUE` as one word, `--using={...}`, for `wrappers_in`.

    Args:
        words: The words after the name of the command.
        flags: The options of the command itself: they are no parameters of a wrapper.

    Raises:
        BadArgument: A name or a value is missing.
    """
    own_words, uses = split_wrappers(
        words, WRAPPER_FLAG, own_options=flags, parse_value=_value_and_text
    )
    wrappers = map(_with_texts, uses)
    return [*(f"{WRAPPER_FLAG}={json.dumps(item)}" for item in wrappers), *own_words]


def _value_and_text(text: str, name: str) -> tuple[Json, str | None]:
    """What a word means; and the word, if the value no longer shows it.

    `{child_name} is done` may be text, or broken JSON: the engine knows which of them.
    """
    try:
        value = value_of(text, name)
    except BadArgument:
        return text, text
    return value, text if lost_text(text, value) else None


def _with_texts(use: Json) -> Json:
    """A wrapper with its values, and with what was typed, where they do not show it."""
    pairs = use["inputs"].items()
    texts = {name: text for name, (_, text) in pairs if text is not None}
    use = {**use, "inputs": {name: value for name, (value, _) in pairs}}
    return {**use, "texts": texts} if texts else use


def wrappers_in(words: Sequence[str]) -> list[Json]:
    """The wrappers that `join_wrappers` put in words, outermost first."""
    return [json.loads(word) for word in words]


def texts_in(pairs: Sequence[str], inputs: dict[str, Json]) -> dict[str, str]:
    """What was typed for each input whose JSON is another text: `007`, `True`, `[1,2]`.

    A flow that takes text under that name gets what was typed.
    """
    texts = dict(pair.split("=", 1) for pair in pairs)
    return {
        name: texts[name] for name in inputs if lost_text(texts[name], inputs[name])
    }


def lost_text(text: str, value: Json) -> bool:
    """Whether a value no longer shows how it was typed.

    >>> [lost_text("3", 3), lost_text("007", 7), lost_text("monday", "monday")]
    [False, True, False]
    """
    is_same = is_number(value) and text == dumps(value)
    return not isinstance(value, str) and not is_same


def inputs_in(pairs: Sequence[str]) -> dict[str, Json]:
    """`NAME=VALUE` pairs as inputs.

    Raises:
        BadArgument: A name is not an identifier or comes twice, or a value is broken JSON.
    """
    inputs: dict[str, Json] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise BadArgument(f"{pair!r} has no value. Write -p {pair} VALUE.")
        check_input_name(name)
        if name in inputs:
            raise BadArgument(f"The input {name!r} is given twice.")
        inputs[name] = value_of(text, name)
    return inputs
