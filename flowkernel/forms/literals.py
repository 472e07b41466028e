"""The value that a typed word means: a number, a constant, JSON, or text. Pure."""

import json
import math
import re

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Json

WORDS: dict[str, Json] = {"true": True, "false": False, "none": None, "null": None}
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def value_of(text: str, name: str) -> Json:
    """The value that a word means: a constant, a number, JSON in brackets or quotes, or text.

    Args:
        name: Of the input or field, for the error.

    >>> [value_of(word, "n") for word in ("3", "2.5", "true", "[1, 2]", '"3"', "monday")]
    [3, 2.5, True, [1, 2], '3', 'monday']

    Raises:
        BadArgument: It begins like JSON and is not valid.
    """
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    if _WHOLE.fullmatch(text):
        return _whole(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return _json(text, name) if _looks_like_json(text) else text


def _looks_like_json(text: str) -> bool:
    is_quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return is_quoted or text[:1] in ("{", "[")


def _whole(text: str) -> Json:
    try:
        return int(text)
    except ValueError:  # Python reads no more than 4300 digits.
        return text


def _json(text: str, name: str) -> Json:
    try:
        return json.loads(text, parse_constant=reject_constant)
    except (ValueError, RecursionError) as error:
        raise BadArgument(
            f"The value of {name!r} begins like JSON but is not valid ({error}): {text!r}. "
            "If it is meant as text, put it in double quotes, and these in single ones: "
            "'\"...\"'."
        ) from error


def reject_constant(text: str) -> Json:
    """Refuse `NaN` and `Infinity`, which Python reads and JSON does not have."""
    raise ValueError(f"{text} is no number")
