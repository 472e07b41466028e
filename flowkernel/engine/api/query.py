"""The query of a request: only parameters that the route has, each once."""

from collections import Counter
from typing import Annotated, Literal
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BeforeValidator, Field

from flowkernel.core.errors import BadArgument
from flowkernel.core.suggestions import suggestion

MAX_LIMIT = 10_000  #: Rows of a list or a log that one request can get, inclusive.
#: Parameters of a query, inclusive. No route has nearly as many.
MAX_PARAMETERS = 100


def check_query(request: Request, names: list[str]) -> None:
    """Refuse a parameter that is not one of `names`, or is there twice.

    Raises:
        BadArgument: The sentence names it, and the nearest one that there is.
    """
    query = request.scope["query_string"]
    if not query:
        return
    counts = Counter(name for name, _value in _pairs(query))
    unknown = next((name for name in counts if name not in names), None)
    if unknown is not None:
        path = request.url.path
        raise BadArgument(
            f"{request.method} {path} has no query parameter {unknown[:100]!r}. "
            f"{_suggestion(unknown, names)}"
        )
    name, count = counts.most_common(1)[0]
    if count > 1:
        raise BadArgument(
            f"The query parameter {name!r} is there {count} times. Send it once."
        )


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except UnicodeError as error:
        raise BadArgument(
            "The query of the request is not UTF-8 in percent-encoding. Encode it again."
        ) from error
    except ValueError as error:
        raise BadArgument(
            f"The query has over {MAX_PARAMETERS} parameters. Send those that the route has."
        ) from error
    wrong = next((name for name, value in pairs if "\0" in name + value), None)
    if wrong is not None:
        raise BadArgument(
            f"The query parameter {wrong[:100]!r} has the character NUL. Remove it."
        )
    return pairs


def _suggestion(name: str, names: list[str]) -> str:
    if not names:
        return "It takes none."
    all_names = f"It takes {', '.join(map(repr, names))}."
    return suggestion(name, names, otherwise=all_names)


#: With a capital: as clients of 0.1 write it, in kernels that run on.
FLAGS = {"true": True, "false": False, "True": True, "False": False}


def _as_number(text: object) -> object:
    """The number that a parameter is, as JSON writes whole numbers; else the text."""
    is_plain = isinstance(text, str) and text.isascii() and text.isdigit()
    is_plain = is_plain and len(str(text)) < 20 and not str(text).startswith("00")
    return int(str(text)) if is_plain else text


def _as_flag(text: object) -> object:
    return FLAGS.get(str(text), text)


#: How many rows one response may have.
Limit = Annotated[
    int, BeforeValidator(_as_number), Field(strict=True, ge=1, le=MAX_LIMIT)
]
#: The number of an event; 0 is before the first.
Seq = Annotated[int, BeforeValidator(_as_number), Field(strict=True, ge=0, le=2**62)]
#: How many rows come before.
Count = Annotated[int, BeforeValidator(_as_number), Field(strict=True, ge=0, le=2**31)]
#: `true` or `false`.
Flag = Annotated[bool, BeforeValidator(_as_flag), Field(strict=True)]
#: Which executions of a family: only the root.
Level = Literal["root"]
