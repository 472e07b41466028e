"""Wrappers in words: `--using retry --max-tries 5` in a command or behind a magic. Pure."""

from collections.abc import Callable, Sequence

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Json


def take_uses(
    words: Sequence[str],
    flag: str,
    *,
    known: frozenset[str],
    value_of: Callable[[str, str], Json],
) -> tuple[list[str], list[Json]]:
    """The words without wrappers, and the wrappers, outermost first.

    Behind `flag NAME`, each option that the command itself does not have is a parameter of
    that wrapper: `--max-tries 5` is `max_tries=5`.

    Args:
        known: The options of the command, as `--name`.
        value_of: What a word means, given it and the parameter's name.

    Raises:
        BadArgument: A name or a value is missing.
    """
    rest: list[str] = []
    uses: list[Json] = []
    left = list(words)
    while left:
        word = left.pop(0)
        option, sign, value = word.partition("=")
        if word == "--":
            return [*rest, word, *left], uses
        if option == flag:
            name = value if sign else _next(left, word, "the name of a wrapper")
            uses.append({"name": name, "inputs": {}})
        elif uses and option.startswith("--") and option not in known:
            parameter = option.removeprefix("--").replace("-", "_")
            text = value if sign else _next(left, word, "a value")
            uses[-1]["inputs"][parameter] = value_of(text, parameter)
        else:
            rest.append(word)
    return rest, uses


def uses_text(uses: Sequence[Json]) -> str:
    """Wrappers with their parameters, for people: `retry (max_tries=5), timeout`."""
    return ", ".join(_use_text(use["name"], use["inputs"]) for use in uses)


def _use_text(name: str, inputs: dict[str, Json]) -> str:
    given = ", ".join(f"{key}={value!r}" for key, value in inputs.items())
    return f"{name} ({given})" if given else name


def _next(left: list[str], word: str, what: str) -> str:
    if not left or left[0].startswith("--"):
        raise BadArgument(f"{word} needs {what} behind it: `{word} ...`.")
    return left.pop(0)
