"""Wrappers by their names: those that are shipped, and those that people registered.

A wrapper declares its parameters and their defaults in a literal of its source,
`PARAMETERS = {"max_tries": 3}`, and the limits of numbers, if they have some, in another one,
`LIMITS = {"max_tries": (1, 1_000, "whole")}`; `"whole"` means that 2.5 is refused. So a wrong
parameter is refused when it is given, not when the wrapper runs.
"""

import ast
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from numbers import Number
from typing import Annotated, TypeGuard

from pydantic import ConfigDict, Field, with_config

from flowkernel.core.errors import BadArgument, FlowNotFound
from flowkernel.core.json_record import JsonRecord
from flowkernel.core.json_values import dumps, is_number, plain_json
from flowkernel.core.models import Environment, Flow, FlowKind, Json
from flowkernel.core.python_source import parse_source
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.engine.field_types import JsonValue
from flowkernel.forms.literals import value_of
from flowkernel.store import Store

MAX_WRAPPERS = 10  #: Around one flow, inclusive.
PACKAGE = "flowkernel.wrappers"
NAME = "PARAMETERS"
LIMITS = "LIMITS"  #: The lowest and the highest value of a number, inclusive.
WHOLE = "whole"  #: Stands behind the limits of a number that must be whole.
#: What a parameter takes, by the type of its default.
KINDS: dict[type, str] = {
    bool: "true or false",
    Number: "a number",
    str: "a text",
    list: "a list",
    dict: "an object of names and values",
}


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True, kw_only=True)
class WrapperUse(JsonRecord):
    """A wrapper, and its parameters."""

    name: Annotated[str, Field(max_length=128)]
    inputs: dict[str, JsonValue] = field(default_factory=dict)
    #: What a person typed, where the value does not show it: text takes that.
    texts: dict[str, str] | None = None

    left_out = frozenset({"texts"})


@cache
def shipped() -> dict[str, Flow]:
    """The wrappers that come with flowkernel, by name. They run in the engine's Python."""
    return {
        item.name.removesuffix(".py"): Flow(
            name=item.name.removesuffix(".py"),
            kind=FlowKind.CELL,
            source=item.read_text("utf-8"),
            environment=Environment(interpreter=sys.executable, prefix=sys.prefix),
            is_wrapper=True,
        )
        for item in files(PACKAGE).iterdir()
        if item.name.endswith(".py") and not item.name.startswith("_")
    }


def wrapper_flow(store: Store, name: str) -> Flow:
    """The wrapper of this name: a registered one comes before a shipped one.

    A flow that is no wrapper, but has the name of a shipped one, does not hide it.

    Raises:
        BadArgument: There is none; lists those that there are.
    """
    flow = _find_flow(store, name)
    if flow is not None and flow.is_wrapper:
        return flow
    if name in shipped():
        return shipped()[name]
    if flow is not None:
        raise BadArgument(
            f"{name!r} is a flow, not a wrapper: it does not run another flow."
        )
    names = {*shipped(), *(f.name for f in store.list_flows() if f.is_wrapper)}
    raise BadArgument(
        f"There is no wrapper {quoted_name(name)}. {suggestion(name, names)} "
        f"The wrappers are: {', '.join(sorted(names))}."
    )


def _find_flow(store: Store, name: str) -> Flow | None:
    try:
        return store.get_flow(name)
    except FlowNotFound:
        return None


def checked_uses(store: Store, uses: Iterable[WrapperUse]) -> list[Json]:
    """The wrappers of a request, each with all its parameters, outermost first.

    Raises:
        BadArgument: There is no such wrapper, or it has no such parameter.
    """
    complete = []
    for use in uses:
        flow = wrapper_flow(store, use.name)
        values = use.inputs | _typed_values(flow, use)
        inputs = plain_json(values, f"the parameters of {flow.name!r}")
        complete.append({"name": flow.name, "inputs": with_defaults(flow, inputs)})
    return complete


def _typed_values(flow: Flow, use: WrapperUse) -> dict[str, Json]:
    """The values of what was typed: where the default is a text, `007` and `{x}` stay so.

    Raises:
        BadArgument: It is broken JSON.
    """
    texts = use.texts or {}
    defaults = (parameters_of(flow) or {}) if texts else {}
    return {
        name: text if isinstance(defaults.get(name), str) else value_of(text, name)
        for name, text in texts.items()
    }


def with_defaults(flow: Flow, inputs: dict[str, Json]) -> dict[str, Json]:
    """The parameters of a wrapper: those that are given, and the defaults of the others.

    Raises:
        BadArgument: There is no such parameter, or its value is of a wrong kind.
    """
    defaults = parameters_of(flow)
    if defaults is None:
        return inputs
    for name in inputs:
        if name not in defaults:
            raise BadArgument(
                f"The wrapper {flow.name!r} has no parameter {quoted_name(name)}. "
                f"{suggestion(name, defaults)} "
                f"It takes: {', '.join(defaults) or 'none'}."
            )
    limits = limits_of(flow, defaults)
    inputs = {n: _of_kind(value, defaults[n]) for n, value in inputs.items()}
    for name, value in inputs.items():
        _check_kind(flow.name, name, value, defaults[name])
        if name in limits:
            _check_limits(flow.name, name, value, limits[name])
    return {**defaults, **inputs}


def _of_kind(value: Json, default: Json) -> Json:
    """A value; a number in its own digits, where the default is a text."""
    is_text = isinstance(default, str) and is_number(value)
    return dumps(value) if is_text else value


def _check_kind(wrapper: str, name: str, value: Json, default: Json) -> None:
    """Refuse what is of another kind than the default; a default of None takes anything."""
    kind = next((kind for kind in KINDS if isinstance(default, kind)), None)
    fits = kind is None or isinstance(value, kind)
    if not fits or (isinstance(value, bool) and kind is Number):
        assert kind is not None
        raise BadArgument(
            f"{name} of the wrapper {wrapper!r} is {value!r}; it takes {KINDS[kind]}. "
            f"The default is {default!r}."
        )


def _check_limits(wrapper: str, name: str, value: Json, limits: Json) -> None:
    lowest, highest, *kind = limits
    is_whole = not kind or value % 1 == 0
    if not (lowest <= value <= highest and is_whole):
        number = "a whole number" if kind else "a number"
        words = f"{number} {limits_text(lowest, highest)}".rstrip()
        raise BadArgument(
            f"{name} of the wrapper {wrapper!r} is {value!r}; give {words}."
        )


def is_finite(bound: float) -> bool:
    """Whether a limit is one that JSON has."""
    return abs(bound) <= sys.float_info.max


def limits_text(lowest: float, highest: float) -> str:
    """The limits of a number in words: `from 1 to 10`, `of 1 or more`; empty: it has none."""
    match is_finite(lowest), is_finite(highest):
        case True, True:
            return f"from {lowest:,} to {highest:,}"
        case True, False:
            return f"of {lowest:,} or more"
        case False, True:
            return f"of {highest:,} or less"
    return ""


def parameters_of(flow: Flow) -> dict[str, Json] | None:
    """The parameters of a wrapper with their defaults; None: it does not declare them.

    Raises:
        BadArgument, BadValue: They are no literal dict, or not JSON.
    """
    defaults = _literal_dict(flow, NAME, "names and defaults")
    return None if defaults is None else plain_json(defaults, NAME)


def limits_of(flow: Flow, parameters: dict[str, Json]) -> dict[str, Json]:
    """The lowest and the highest value of each parameter that has limits.

    Raises:
        BadArgument: There is no such parameter, or it is no number; or a default is not
            within its limits.
    """
    by_name = _literal_dict(flow, LIMITS, "names and limits, as (1, 10)") or {}
    for name, limits in by_name.items():
        numbers = [*limits] if isinstance(limits, tuple | list) else []
        default = parameters.get(name)
        if numbers[2:] == [WHOLE]:
            numbers.pop()
        are_numbers = all(map(is_number, [*numbers, default]))
        if len(numbers) != 2 or not are_numbers or numbers[0] > numbers[1]:
            raise BadArgument(
                f"{LIMITS} of the wrapper {flow.name!r} has {name!r}: {limits!r}. Give two "
                f'numbers, the lower first, and "{WHOLE}" behind them if it must be whole, for '
                f"a parameter whose default in {NAME} is a number."
            )
        _check_limits(flow.name, name, default, limits)
    return by_name


def _literal_dict(flow: Flow, name: str, content: str) -> dict[str, Json] | None:
    """A dict that is a literal in a source; None: there is none."""
    try:
        body = parse_source(flow.source).body
    except (SyntaxError, ValueError, RecursionError):  # It fails when it runs.
        return None
    for node in body:
        if _is_set_in(node, name):
            try:
                return dict(ast.literal_eval(node.value or ast.Constant(None)))
            except (ValueError, TypeError) as error:
                raise BadArgument(
                    f"{name} of the wrapper {flow.name!r} must be a dict of {content}, "
                    "written as a literal: no variables, no calls."
                ) from error
    return None


def _is_set_in(node: ast.stmt, name: str) -> TypeGuard[ast.Assign | ast.AnnAssign]:
    """Whether that is `name = ...`, or `name: dict = ...`."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return any(isinstance(node, ast.Name) and node.id == name for node in targets)
