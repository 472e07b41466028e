"""What may be an input or an output: plain JSON of a limited size; and names."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from keyword import iskeyword
from pathlib import PurePath
from typing import Any
from uuid import UUID

from flowkernel.core.errors import BadArgument, BadName, BadValue, ValueTooBig
from flowkernel.core.models import Json

MAX_VALUE_BYTES = 1024 * 1024  #: Inclusive; of all inputs, or of the whole output.
MAX_NESTING = 100  #: Levels, inclusive. Deeper data is a mistake, and exhausts stacks.
MOMENT_DIGITS = 6  #: Behind the seconds of a moment, at most: what Python reads.
MAX_NAME = 128  #: Characters, inclusive.
#: The texts of the numbers that JSON does not have.
_NOT_FINITE = frozenset({"nan", "inf", "-inf"})
#: The name of a variable in any language of a notebook: some have dots in them.
_PARAMETER_NAME = re.compile(r"[^\W\d][\w.]*")


def plain_json(value: object, label: str, *, limit: int = MAX_VALUE_BYTES) -> Json:
    """The value as plain JSON; tuples become lists.

    What has one obvious form in JSON is taken in it: a day, an hour or a moment as ISO 8601, a
    `timedelta` as seconds, `Decimal`, `UUID` and `Path` as text, a member of an `Enum` as its
    value, a scalar of numpy or pandas as the number, text or moment that it is.

    Args:
        label: What sentences call it: "inputs", "output", "the answer".
        limit: Bytes as JSON, inclusive.

    Raises:
        BadValue: A part of it is not JSON; the sentence names the key.
        ValueTooBig: It is over `limit`.
    """
    plain = _plain(value, label, 0)
    size = len(dumps(plain).encode())
    if size > limit:
        raise ValueTooBig(label, size, limit, _largest(plain, label))
    return plain


#: Made once: it is called for every row and event.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dumps(value: Json) -> str:
    """JSON text as it is stored and sent."""
    return _ENCODER.encode(value)


def is_number(value: object) -> bool:
    """Whether it is a number of JSON; Python counts booleans as such, too.

    >>> [is_number(1), is_number(2.5), is_number(True)]
    [True, True, False]
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_number_as_text(value: object) -> bool:
    """Whether it is the text of a number that JSON does not have.

    >>> [is_number_as_text("nan"), is_number_as_text("-inf"), is_number_as_text("1.5")]
    [True, True, False]
    """
    return isinstance(value, str) and value in _NOT_FINITE


def checked_name(name: str, kind: str = "flow") -> str:
    """The name without spaces at its ends.

    Args:
        kind: What sentences call the thing with this name: "flow", "execution".

    Raises:
        BadName: It is empty, over 128 characters, or has a slash or a control character.
    """
    name = name.strip()
    if not name:
        raise BadName(f"The name of the {kind} is empty. Choose one.")
    short_name = repr(name if len(name) <= 40 else name[:37] + "...")
    _check_characters(name, f"{kind} name {short_name}")
    return name


def check_parameter_names(names: Iterable[str], flow_name: str) -> None:
    """Refuse names that cannot be those of variables: they would be code in the notebook.

    Raises:
        BadName: The first of them.
    """
    for name in names:
        if not _PARAMETER_NAME.fullmatch(name):
            raise BadName(
                f"The notebook {flow_name!r} cannot have an input named {name[:40]!r}: its "
                "inputs become variables. Use letters, digits and '_', and no digit first."
            )


def check_input_name(name: str) -> None:
    """Refuse what cannot be the name of an input.

    Raises:
        BadArgument: It is no identifier, or a word of Python.
    """
    if iskeyword(name):
        raise BadArgument(
            f"{name!r} cannot be the name of an input: it is a word of Python."
        )
    if not name.isidentifier():
        raise BadArgument(
            f"{name!r} cannot be the name of an input. Names are letters, digits and _."
        )


def _check_characters(name: str, label: str) -> None:
    if len(name) > MAX_NAME:
        raise BadName(
            f"The {label} has {len(name)} characters; at most {MAX_NAME} are allowed. "
            "Choose a shorter one."
        )
    wrong = next((c for c in name if c in "/\\" or not c.isprintable()), None)
    if wrong is not None:
        raise BadName(
            f"The {label} has the character {wrong!r}, which is not allowed. "
            "Use letters, digits, spaces, '-', '_' or '.'."
        )


def _plain(value: object, path: str, depth: int) -> Json:
    _check_depth(path, depth)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(str(value.value if isinstance(value, Enum) else value), path)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _finite(value, path)
    if isinstance(value, Mapping):
        return {
            _key(k, path): _plain(v, f"{path}[{k!r}]", depth + 1)
            for k, v in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
    return _plain(_form_in_json(value, path), path, depth)


def _form_in_json(value: object, path: str) -> Json:
    """The JSON form of a value that is not JSON, but has one.

    Raises:
        BadValue: It has none.
    """
    match value:
        case Enum():
            return value.value
        case date() | timedelta() if value != value:  # NaT: it is equal to nothing.
            raise BadValue(f"{path} is {value}, which JSON does not have. Use None.")
        case timedelta():
            return value.total_seconds()
        case date() | time():
            return value.isoformat()
        case Decimal() | UUID() | PurePath():
            return str(value)
    if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0:
        return _scalar(value, path)
    raise _no_json(value, path)


def _scalar(value: Any, path: str) -> Json:
    """A scalar of numpy, or an array of no dimension, as what Python has for it."""
    kind = getattr(value.dtype, "kind", "")
    if kind in "mM" and str(value) == "NaT":
        raise BadValue(f"{path} is NaT, which JSON does not have. Use None.")
    if kind == "M":  # In nanoseconds, `item` would be a number.
        seconds, point, fraction = str(value).partition(".")
        return seconds + point + fraction[:MOMENT_DIGITS]
    item = value.astype("m8[us]").item() if kind == "m" else value.item()
    if type(item) is type(value):
        raise _no_json(value, path)
    return item


def _no_json(value: object, path: str) -> BadValue:
    full_name = f"{type(value).__module__}.{type(value).__qualname__}"
    kind = full_name.removeprefix("builtins.")
    return BadValue(
        f"{path} is of type {kind}, which is not JSON. Pass text, numbers, True, False, None, "
        "lists or dicts; write anything else to a file and pass its path."
    )


def _check_depth(path: str, depth: int) -> None:
    if depth > MAX_NESTING:
        raise BadValue(
            f"{path} is nested more than {MAX_NESTING} levels deep. Write it to a file and "
            "pass the path."
        )


def _finite(value: float, path: str) -> float:
    if not math.isfinite(value):
        raise BadValue(f"{path} is {value!r}, which JSON does not have. Use None.")
    return float(value)


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadValue(
            f"{path} has characters that are not valid Unicode text. Remove them."
        ) from error
    return value


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise BadValue(
            f"{path} has the key {key!r}; in JSON every key is text. Use {str(key)!r}."
        )
    return _text(key, f"a key of {path}")


def _largest(value: Json, path: str) -> str | None:
    if not isinstance(value, dict) or not value:
        return None
    sizes = {key: len(dumps(part)) for key, part in value.items()}
    key = max(sizes, key=lambda name: sizes[name])
    return f"{path}[{key!r}] with {sizes[key]:,}"
