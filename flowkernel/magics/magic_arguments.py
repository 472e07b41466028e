"""The line behind a magic, as options, arguments, wrappers and inputs."""

import ast
import re
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument
from IPython.utils.text import DollarFormatter

from flowkernel.client.wrapper_options import split_wrappers
from flowkernel.core.errors import BadArgument
from flowkernel.core.json_values import check_input_name, is_number
from flowkernel.core.models import Json
from flowkernel.core.presence_flags import said_attendance
from flowkernel.display.list_options import ListOption

_IS_TEMPLATE = re.compile(r"\{|\$[^\W\d]")
#: What a parameter of a wrapper may be written as, besides a Python literal.
YES_OR_NO = {"true": True, "false": False}
CLOSING = {"(": ")", "[": "]", "{": "}"}


class WrapperArgument(argument):
    """Declares the option of a magic that names wrappers, as IPython's `argument` does.

    It may be repeated. Options that follow it, and are not the magic's own, are parameters
    of that wrapper. `parse` gives a list of the wrappers, outermost first.
    """

    @property
    def flag(self) -> str:
        """The option, with its dashes."""
        return str(self.args[0])


def list_argument(option: ListOption) -> argument:
    """Declares an option of a list of runs, as IPython's `argument` does."""
    if option.metavar is None:
        return argument(option.flag, action="store_true", help=option.help)
    return argument(option.flag, metavar=option.metavar, help=option.help)


def parse(magic: Any, line: str, names: dict[str, Any] | None = None) -> Any:
    """The arguments of a magic made with @magic_arguments, as attributes.

    Args:
        names: The variables that parameters of wrappers may name.

    Raises:
        BadArgument: The line is wrong. IPython's UsageError would leave no error in the
            notebook.
    """
    wrapper_option = _wrapper_option(magic)
    wrappers: list[Json] = []
    if wrapper_option is not None:
        flag = wrapper_option.flag
        line, wrappers = take_wrappers(line, flag, own_options(magic), names or {})
    arguments = _parse_words(magic.parser, split(line))
    if wrapper_option is not None:
        setattr(arguments, wrapper_option.flag.removeprefix("--"), wrappers)
    return arguments


def _parse_words(parser: Any, words: list[str]) -> Any:
    try:
        return parser.parse_intermixed_args(words)
    except UsageError as error:
        usage = " ".join(parser.format_usage().split()).lstrip(": ")
        raise BadArgument(f"{error}. Usage: {usage}") from None


def _wrapper_option(magic: Any) -> WrapperArgument | None:
    options = (item for item in magic.decorators if isinstance(item, WrapperArgument))
    return next(options, None)


def own_options(magic: Any) -> frozenset[str]:
    """The options of a magic, as `--name`."""
    return frozenset(
        flag
        for decorator in magic.decorators
        if isinstance(decorator, argument)
        for flag in decorator.args
        if flag.startswith("-")
    )


def split(line: str) -> list[str]:
    """The words of a line: spaces within quotes and brackets do not separate words.

    A word that is quoted as a whole loses its quotes; `note=don't` has no quote.

    Raises:
        BadArgument: A quote or a bracket is not closed.
    """
    return [_unquoted(word) for word in _words(line)]


def _words(line: str) -> list[str]:
    """The words with their quotes."""
    words: list[str] = []
    remaining = line.strip()
    while remaining:
        length = _word_length(remaining)
        words.append(remaining[:length])
        remaining = remaining[length:].lstrip()
    return words


def _word_length(text: str) -> int:
    open_brackets: list[str] = []
    quote = ""
    previous = " "
    for index, c in enumerate(text):
        if quote:
            if c == quote and previous != "\\":
                quote = ""
        elif c in "\"'" and (open_brackets or previous in " ="):
            quote = c
        elif c in CLOSING and (open_brackets or previous in " ="):
            open_brackets.append(CLOSING[c])
        elif open_brackets and c == open_brackets[-1]:
            open_brackets.pop()
        elif c.isspace() and not open_brackets:
            return index
        previous = " " if previous == "\\" and c == "\\" else c
    if quote or open_brackets:
        missing = quote or open_brackets[-1]
        raise BadArgument(f"{text!r} lacks the closing {missing!r}.")
    return len(text)


def _unquoted(word: str) -> str:
    option, sign, value = word.partition("=")
    if sign and word.startswith("--"):
        return option + sign + _unquoted(value)
    is_quoted = len(word) > 1 and word[0] in "\"'" and word[-1] == word[0]
    return _literal(word, word) if is_quoted else word


def take_wrappers(
    line: str, flag: str, options: frozenset[str], names: dict[str, Any]
) -> tuple[str, list[Json]]:
    """The line without its wrappers; and the wrappers, outermost first.

    Args:
        flag: The option that names a wrapper.
        options: The options of the magic itself.
        names: The variables that a value may name.

    Raises:
        BadArgument: A name or a value is missing.
    """
    if flag not in line:
        return line, []
    words, wrappers = split_wrappers(
        _words(line),
        flag,
        own_options=options,
        parse_value=lambda text, _: YES_OR_NO.get(text, value_of(text, names)),
    )
    for wrapper in wrappers:
        wrapper["name"] = _unquoted(wrapper["name"])
    return " ".join(words), wrappers


def inputs_of(words: list[str], names: dict[str, Any]) -> dict[str, Any]:
    """`name=value` words as inputs.

    A value is a Python literal (`3`, `"text"`, `[1, 2]`), else the name of a variable in
    `names`, else `{expression}` or `$name` with their value, else text in which these are
    filled in.

    Raises:
        BadArgument: A word has no '=', or a name is not an identifier or comes twice.
    """
    inputs: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            _raise_no_sign(word)
        check_input_name(name)
        if name in inputs:
            raise BadArgument(f"The input {name!r} is given twice.")
        inputs[name] = value_of(value, names)
    return inputs


def attendance_in(args: Any) -> bool | None:
    """Whether a person is there, as the options say; None: they do not.

    Raises:
        BadArgument: They contradict each other.
    """
    return said_attendance(attended=args.attended, unattended=args.unattended)


def texts_of(words: list[str], inputs: dict[str, Any]) -> dict[str, str]:
    """What was typed for each literal whose JSON is another text: `1e3`, `True`, `(1, 2)`."""
    pairs = (word.partition("=") for word in words)
    return {name: text for name, _, text in pairs if _is_lost(text, inputs[name])}


def _is_lost(text: str, value: Any) -> bool:
    if isinstance(value, str) or _literal(text, _Missing) is _Missing:
        return False
    return not is_number(value) or text != repr(value)


class _Missing:
    """No value."""


def _raise_no_sign(word: str) -> NoReturn:
    raise BadArgument(
        f"{word!r} has no '='. Inputs are given as name=value, as in day=\"2026-01-01\"."
    )


def value_of(text: str, names: dict[str, Any]) -> Any:
    """What a person who wrote `name=text` means."""
    value = _literal(text, _Missing)
    if value is not _Missing:
        return value
    if text.isidentifier() and text in names:
        return names[text]
    if text[:1] + text[-1:] == "{}":
        return _evaluate(text, names)
    if text[:1] == "$" and text[1:] in names:
        return names[text[1:]]
    if not _IS_TEMPLATE.search(text):
        return text
    try:
        return DollarFormatter().vformat(text, (), dict(names))
    except Exception:  # It was no template, as IPython itself decides.
        return text


def _evaluate(text: str, names: dict[str, Any]) -> Any:
    """The value of `{expression}`, which need not be text."""
    try:
        code = compile(text[1:-1].strip(), "<input>", "eval")
    except (SyntaxError, ValueError):
        return text
    try:
        return eval(code, names)
    except Exception as error:
        raise BadArgument(
            f"{text} cannot be evaluated: {type(error).__name__}: {error}."
        ) from error


def _literal(text: str, default: Any) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return default
