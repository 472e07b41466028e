"""How a command declares its arguments and options, for every parser of the command line.

A parameter of the function behind a command is annotated with its type and an `Argument` or
an `Option`: `Annotated[bool, Option(("--json",), help="...")]`. A `bool` is a flag without a
value, a `list[str]` may be repeated, anything else takes one value. This module imports
nothing heavy: `flowkernel run` is parsed with it.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

Command = Callable[..., Any]
Words = Sequence[str | tuple[str, str]]  #: Each with a help or not.
#: What the beginning of a word can become, by the parameters before it.
Complete = Callable[[Mapping[str, Any], str], Words]


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A word that is known by its place. Without a default it is required."""

    metavar: str
    help: str
    complete: "Complete | None" = None


@dataclass(frozen=True, slots=True)
class Option:
    """A word that begins with `-`, at any place."""

    flags: tuple[str, ...]
    help: str
    metavar: str | None = None
    #: The smallest number, inclusive.
    minimum: int | None = None
    complete: "Complete | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One parameter of a command."""

    name: str
    #: `bool`, `int`, `str` or `list[str]`; or one of them or None.
    type: Any
    #: `inspect.Parameter.empty` if there is none.
    default: Any
    kind: Argument | Option

    @property
    def is_required(self) -> bool:
        """Whether the command cannot be called without it."""
        return self.default is inspect.Parameter.empty

    @property
    def is_flag(self) -> bool:
        """Whether it takes no value."""
        return self.type is bool

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be given more than once."""
        types = (self.type, *get_args(self.type))
        return any(get_origin(item) is list for item in types)

    @property
    def is_number(self) -> bool:
        """Whether its value is a whole number."""
        return int in (self.type, *get_args(self.type))


def declarations(command: Command) -> list[Declaration]:
    """The parameters of a command, in the order of its function."""
    return list(_declarations(command))


def flags_of(command: Command) -> frozenset[str]:
    """The options of a command, as they are written."""
    kinds = (item.kind for item in declarations(command))
    return frozenset(
        flag for kind in kinds if isinstance(kind, Option) for flag in kind.flags
    )


def _declarations(command: Command) -> Iterator[Declaration]:
    for parameter in inspect.signature(command).parameters.values():
        assert get_origin(parameter.annotation) is Annotated, parameter
        type_, kind = get_args(parameter.annotation)
        yield Declaration(
            name=parameter.name, type=type_, default=parameter.default, kind=kind
        )


def one_of(words: Iterable[str]) -> Complete:
    """Completes to one of some words."""
    known_words = tuple(words)

    def complete(_parameters: Mapping[str, Any], incomplete: str) -> Words:
        return [word for word in known_words if word.startswith(incomplete)]

    return complete


AsJson = Annotated[bool, Option(("--json",), help="Print JSON, for programs.")]
AsCsv = Annotated[bool, Option(("--csv",), help="Print comma-separated values.")]
Yes = Annotated[
    bool,
    Option(
        ("-y", "--yes"),
        help="Do not ask. Default: a person at the terminal is asked once; without a "
        "terminal, or with --json, nobody is.",
    ),
]
NoWait = Annotated[
    bool,
    Option(
        ("--no-wait",),
        help="Print the id of the run and return at once. Default: wait until it has ended.",
    ),
]
Detach = Annotated[
    bool,
    Option(
        ("--detach",),
        help="If this command is ended, by Ctrl+C or SIGTERM, the run continues. Default: "
        "Ctrl+C asks, if a person is at the terminal; else the run is cancelled.",
    ),
]
