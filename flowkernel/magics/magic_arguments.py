"""The line behind a magic: into words, options, and inputs."""

import ast
import re
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.utils.text import DollarFormatter

from flowkernel.client.wrapper_options import split_wrappers
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Json

_IS_TEMPLATE = re.compile(r"\{|\$[^\W\d]")
YES_OR_NO = {"true": True, "false": False}  #: Of a wrapper's option, as in a command.
CLOSING = {"(": ")", "[": "]", "{": "}"}


def parse(magic: Any, line: str, *, marks: str = "%") -> Any:
    """The arguments of a magic made with @magic_arguments.

    Raises:
        BadArgument: IPython's UsageError would leave no error in the notebook.
    """
    try:
        return magic.parser.parse_intermixed_args(split(line))
    except UsageError as error:
        usage = " ".join(magic.parser.format_usage().split()).partition("%")[2]
        raise BadArgument(f"{error}. Usage: {marks}{usage}") from None


def split(line: str) -> list[str]:
    """The words of a line: blanks within quotes and brackets do not part them.

    A word that is quoted as a whole loses its quotes; `note=don't` is no quote.

    Raises:
        BadArgument: A quote or a bracket is not closed.
    """
    words: list[str] = []
    rest = line.strip()
    while rest:
        length = _word_length(rest)
        word, rest = rest[:length], rest[length:].lstrip()
        words.append(_bare(word))
    return words


def _word_length(text: str) -> int:
    open_brackets: list[str] = []
    quote = ""
    before = " "
    for place, c in enumerate(text):
        if quote:
            if c == quote and before != "\\":
                quote = ""
        elif c in "\"'" and (open_brackets or before in " ="):
            quote = c
        elif c in CLOSING and (open_brackets or before in " ="):
            open_brackets.append(CLOSING[c])
        elif open_brackets and c == open_brackets[-1]:
            open_brackets.pop()
        elif c.isspace() and not open_brackets:
            return place
        before = " " if before == "\\" and c == "\\" else c
    if quote or open_brackets:
        missing = quote or open_brackets[-1]
        raise BadArgument(f"{text!r} lacks the closing {missing!r}.")
    return len(text)


def _bare(word: str) -> str:
    option, sign, value = word.partition("=")
    if sign and word.startswith("--"):
        return option + sign + _bare(value)
    is_quoted = len(word) > 1 and word[0] in "\"'" and word[-1] == word[0]
    return _literal(word, word) if is_quoted else word


def uses_of(
    line: str, flag: str, known: frozenset[str], names: dict[str, Any]
) -> tuple[str, list[Json]]:
    """The line without its wrappers, and these, outermost first.

    Raises:
        BadArgument: A name or a value is missing.
    """
    if flag not in line:
        return line, []
    words, uses = split_wrappers(
        _words(line),
        flag,
        own_options=known,
        parse_value=lambda text, _: YES_OR_NO.get(text, value_of(text, names)),
    )
    for use in uses:
        use["name"] = _bare(use["name"])
    return " ".join(words), uses


def _words(line: str) -> list[str]:
    """The words as they stand, with their quotes."""
    words: list[str] = []
    rest = line.strip()
    while rest:
        length = _word_length(rest)
        words.append(rest[:length])
        rest = rest[length:].lstrip()
    return words


def inputs_of(words: list[str], names: dict[str, Any]) -> dict[str, Any]:
    """`name=value` words as inputs.

    A value is a Python literal (`3`, `"text"`, `[1, 2]`), else the name of a variable in
    `names`, else `{expression}` or `$name` with their value, else text in which these are
    filled in.

    Raises:
        BadArgument: A word has no '=', a name is no name or comes twice.
    """
    inputs: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            _no_sign(word)
        if not name.isidentifier():
            raise BadArgument(f"{word!r}: {name!r} cannot be the name of an input.")
        if name in inputs:
            raise BadArgument(f"The input {name!r} is given twice.")
        inputs[name] = value_of(value, names)
    return inputs


def _no_sign(word: str) -> NoReturn:
    raise BadArgument(
        f"{word!r} has no '='. Inputs are given as name=value, as in day=\"2026-01-01\"."
    )


def value_of(text: str, names: dict[str, Any]) -> Any:
    """What a person who wrote `name=text` means."""
    missing = object()
    value = _literal(text, missing)
    if value is not missing:
        return value
    if text.isidentifier() and text in names:
        return names[text]
    if text[:1] + text[-1:] == "{}":
        return _evaluated(text, names)
    if text[:1] == "$" and text[1:] in names:
        return names[text[1:]]
    if not _IS_TEMPLATE.search(text):
        return text
    try:
        return DollarFormatter().vformat(text, (), dict(names))
    except Exception:  # It was no template, as IPython itself decides.
        return text


def _evaluated(text: str, names: dict[str, Any]) -> Any:
    """`{expression}`: its value, which need not be text."""
    try:
        code = compile(text[1:-1].strip(), "<input>", "eval")
    except (SyntaxError, ValueError):
        return text
    try:
        return eval(code, names)
    except Exception as error:
        raise BadArgument(
            f"{text} cannot be worked out: {type(error).__name__}: {error}."
        ) from error


def _literal(text: str, otherwise: Any) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return otherwise
