"""The wrappers as a form needs them: what each does, and the parameters that it takes."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from flowkernel.core.errors import BadArgument, BadValue
from flowkernel.core.json_record import JsonRecord
from flowkernel.core.models import Flow, Json
from flowkernel.core.python_source import parse_source
from flowkernel.engine.wrapper_registry import (
    is_finite,
    limits_of,
    limits_text,
    parameters_of,
    shipped,
)
from flowkernel.store import Store

#: The type of a parameter, and the element of a form for it, by the type of its default.
TYPES: dict[type, tuple[str, Json]] = {
    bool: ("bool", {"element": "toggle"}),
    int: ("float", {"element": "number"}),
    float: ("float", {"element": "number"}),
    str: ("str", {"element": "string"}),
    list: ("list", None),
    dict: ("dict", None),
}
WHOLE = ("int", {"element": "number", "type": "integer"})
WORDS = {
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "dict": "an object of names and values",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWrapper(JsonRecord):
    """A wrapper in a list."""

    name: str
    description: str  #: What it does, in one line; empty: nobody said so.
    is_shipped: bool  #: It came with flowkernel.
    #: As those of a signature.
    parameters: list[dict[str, Json]]
    takes_others: bool  #: It does not say which parameters it takes.


def list_wrappers(store: Store) -> Iterator[ListedWrapper]:
    """The wrappers by name: a registered one stands for the shipped one of its name."""
    own = {flow.name: flow for flow in store.list_flows() if flow.is_wrapper}
    for name, flow in sorted({**shipped(), **own}.items()):
        yield _listed(flow, is_shipped=name not in own)


def _listed(flow: Flow, *, is_shipped: bool) -> ListedWrapper:
    try:
        defaults = parameters_of(flow)
        limits = limits_of(flow, defaults or {})
    except (BadArgument, BadValue):  # An older version has registered it.
        defaults, limits = None, {}
    parameters = (defaults or {}).items()
    return ListedWrapper(
        name=flow.name,
        description=flow.description or _first_sentence(flow),
        is_shipped=is_shipped,
        parameters=[
            _parameter(name, default, limits.get(name)) for name, default in parameters
        ],
        takes_others=defaults is None,
    )


def _first_sentence(flow: Flow) -> str:
    """The first line of the docstring, without the name; empty: there is none."""
    try:
        text = ast.get_docstring(parse_source(flow.source)) or ""
    except (SyntaxError, ValueError, RecursionError):
        return ""
    line = text.partition("\n")[0].removeprefix(f"{flow.name}: ")
    return line[:1].upper() + line[1:]


def _parameter(name: str, default: Json, limits: Json) -> dict[str, Json]:
    """A parameter with what a form needs to ask for it.

    Args:
        limits: The lowest and the highest value, and a word if it must be whole; None: it has
            no limits.
    """
    type_name, element = TYPES.get(type(default), (None, None))
    help_text = ""
    if limits is not None:
        lowest, highest, *kind = limits
        type_name, element = WHOLE if kind else (type_name, element)
        text = limits_text(lowest, highest).removeprefix("of ")
        help_text = f"{text[:1].upper()}{text[1:]}." if text else ""
        bounds = {"minimum": lowest, "maximum": highest}
        finite = {key: bound for key, bound in bounds.items() if is_finite(bound)}
        element = {**(element or {}), **finite}
    return {
        "name": name,
        "type": type_name,
        "is_required": False,
        "default": default,
        "default_source": None,
        "help": help_text,
        "element": element,
        "takes_null": default is None,
        "words": WORDS.get(type_name or "", ""),
    }
