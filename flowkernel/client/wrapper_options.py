"""Wrappers as options: `--using retry --max-tries 5` in a command or magic."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Json

#: The folder with the wrappers that come with flowkernel.
SHIPPED = Path(__file__).parents[1] / "wrappers"


@cache
def shipped_wrappers() -> frozenset[str]:
    """The names of the wrappers that come with flowkernel."""
    return frozenset(path.stem for path in SHIPPED.glob("[!_]*.py"))


def split_wrappers(
    words: Sequence[str],
    flag: str,
    *,
    own_options: frozenset[str],
    parse_value: Callable[[str, str], Json],
) -> tuple[list[str], list[Json]]:
    """The words without wrappers, and the wrappers: `name` and `inputs`, outermost first.

    After `flag NAME`, each option that the command itself does not have is a parameter of
    that wrapper: `--max-tries 5` is `max_tries=5`.

    Args:
        own_options: The options of the command, as `--name`.
        parse_value: The value of a word, by the word and the parameter's name.

    Raises:
        BadArgument: A name or a value is missing.
    """
    own_words: list[str] = []
    wrappers: list[Json] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        option, sign, value = word.partition("=")
        if word == "--":
            return [*own_words, word, *queue], wrappers
        if option == flag:
            name = value if sign else _next(queue, word, "the name of a wrapper")
            wrappers.append({"name": name, "inputs": {}})
        elif wrappers and option.startswith("--") and option not in own_options:
            parameter = option.removeprefix("--").replace("-", "_")
            text = value if sign else _next(queue, word, "a value")
            wrappers[-1]["inputs"][parameter] = parse_value(text, parameter)
        else:
            own_words.append(word)
    return own_words, wrappers


def wrappers_text(wrappers: Sequence[Json]) -> str:
    """Wrappers with their parameters, for people: `retry (max_tries=5), timeout`."""
    return ", ".join(_wrapper_text(item["name"], item["inputs"]) for item in wrappers)


def _wrapper_text(name: str, inputs: dict[str, Json]) -> str:
    parameters = ", ".join(f"{key}={value!r}" for key, value in inputs.items())
    return f"{name} ({parameters})" if parameters else name


def _next(queue: list[str], word: str, expected: str) -> str:
    if not queue or queue[0].startswith("--"):
        raise BadArgument(f"{word} needs {expected} after it: `{word} ...`.")
    return queue.pop(0)
