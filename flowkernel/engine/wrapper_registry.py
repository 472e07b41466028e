"""Wrappers by their names: those that are shipped, and those that people registered.

A wrapper says which parameters it takes, and their defaults, in a literal of its source:
`PARAMETERS = {"max_tries": 3}`; and what a number may be in another one, which need not be
there: `LIMITS = {"max_tries": (1, 1_000)}`. So a wrong one is refused when it is given, not
when it runs.
"""

import ast
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from numbers import Number
from typing import Annotated, TypeGuard

from pydantic import ConfigDict, Field, with_config

from flowkernel.core.errors import BadArgument, FlowNotFound
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Environment, Flow, FlowKind, Json, JsonRecord
from flowkernel.core.python_source import parse_source
from flowkernel.store import Store

MAX_WRAPPERS = 10  #: Around one flow, inclusive.
PACKAGE = "flowkernel.wrappers"
NAME = "PARAMETERS"
LIMITS = "LIMITS"  #: Least and most of a number, each inclusive.
KINDS: dict[type, str] = {
    bool: "true or false",
    Number: "a number",
    str: "a text",
    list: "a list",
    dict: "an object of names and values",
}  #: What a parameter takes, by what its default is.


@with_config(ConfigDict(extra="ignore"))  # Another version may send more.
@dataclass(frozen=True, slots=True, kw_only=True)
class WrapperUse(JsonRecord):
    """A wrapper, and its parameters."""

    name: Annotated[str, Field(max_length=128)]
    inputs: dict[str, Json] = field(default_factory=dict)


@cache
def shipped() -> dict[str, Flow]:
    """The wrappers that flowkernel brings, by name. They run in the engine's Python."""
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

    A flow that only has the name of a shipped wrapper does not stand in its way.

    Raises:
        BadArgument: There is none; says which there are.
    """
    flow = _find_flow(store, name)
    if flow is not None and flow.is_wrapper:
        return flow
    if name in shipped():
        return shipped()[name]
    if flow is not None:
        raise BadArgument(
            f"{name!r} is a flow, and no wrapper: it does not run another one."
        )
    known = {*shipped(), *(f.name for f in store.list_flows() if f.is_wrapper)}
    near = get_close_matches(name, known, n=1)
    advice = f" Did you mean {near[0]!r}?" if near else ""
    raise BadArgument(
        f"There is no wrapper {name!r}.{advice} There are: {', '.join(sorted(known))}."
    )


def _find_flow(store: Store, name: str) -> Flow | None:
    try:
        return store.get_flow(name)
    except FlowNotFound:
        return None


def checked_uses(store: Store, uses: Iterable[WrapperUse]) -> list[Json]:
    """Wrappers as they are asked for, each with all its parameters, outermost first.

    Raises:
        BadArgument: There is no such wrapper, or it has no such parameter.
    """
    found = []
    for use in uses:
        flow = wrapper_flow(store, use.name)
        inputs = plain_json(use.inputs, f"the parameters of {flow.name!r}")
        found.append({"name": flow.name, "inputs": with_defaults(flow, inputs)})
    return found


def with_defaults(flow: Flow, inputs: dict[str, Json]) -> dict[str, Json]:
    """What a wrapper gets: its defaults, and on them what was given."""
    known = parameters_of(flow)
    if known is None:
        return inputs
    for name in inputs:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            advice = f" Did you mean {near[0]!r}?" if near else ""
            raise BadArgument(
                f"The wrapper {flow.name!r} has no parameter {name!r}.{advice} "
                f"It takes: {', '.join(known) or 'none'}."
            )
    limits = limits_of(flow, known)
    for name, value in inputs.items():
        _check_kind(flow.name, name, value, known[name])
        if name in limits:
            _check_limits(flow.name, name, value, limits[name])
    return {**known, **inputs}


def _check_kind(wrapper: str, name: str, value: Json, default: Json) -> None:
    """Refuse what is of another kind than the default. Without a default, all is right."""
    kind = next((kind for kind in KINDS if isinstance(default, kind)), None)
    fits = kind is None or isinstance(value, kind)
    if not fits or (isinstance(value, bool) and kind is Number):
        assert kind is not None
        raise BadArgument(
            f"{name} of the wrapper {wrapper!r} is {value!r}; it takes {KINDS[kind]}, "
            f"as {default!r}, the default."
        )


def _check_limits(wrapper: str, name: str, value: Json, limits: Json) -> None:
    least, most = limits
    if not least <= value <= most:
        raise BadArgument(
            f"{name} of the wrapper {wrapper!r} is {value!r}; give a number from "
            f"{least:,} to {most:,}."
        )


def parameters_of(flow: Flow) -> dict[str, Json] | None:
    """The parameters of a wrapper with their defaults; None: it does not say."""
    found = _written(flow, NAME, "names and defaults")
    return None if found is None else plain_json(found, NAME)


def limits_of(flow: Flow, parameters: dict[str, Json]) -> dict[str, Json]:
    """The least and the most of those parameters that are limited.

    Raises:
        BadArgument: It limits what it does not take, or what is no number; or a default
            is not within its limits.
    """
    found = _written(flow, LIMITS, "names and limits, as (1, 10)") or {}
    for name, limits in found.items():
        numbers = [*limits] if isinstance(limits, tuple | list) else []
        default = parameters.get(name)
        are_numbers = all(map(_is_number, [*numbers, default]))
        if len(numbers) != 2 or not are_numbers or numbers[0] > numbers[1]:
            raise BadArgument(
                f"{LIMITS} of the wrapper {flow.name!r} has {name!r}: {limits!r}. Give two "
                "numbers, the lesser first, for a parameter whose default in "
                f"{NAME} is a number."
            )
        _check_limits(flow.name, name, default, limits)
    return found


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _written(flow: Flow, name: str, what: str) -> dict[str, Json] | None:
    """A dict that is written out in a source; None: there is none."""
    try:
        body = parse_source(flow.source).body
    except (
        SyntaxError,
        ValueError,
        RecursionError,
    ):  # Magics in it: it says so as it runs.
        return None
    for node in body:
        if _is_set_in(node, name):
            try:
                return dict(ast.literal_eval(node.value or ast.Constant(None)))
            except (ValueError, TypeError) as error:
                raise BadArgument(
                    f"{name} of the wrapper {flow.name!r} must be a dict of {what}, "
                    "written out."
                ) from error
    return None


def _is_set_in(node: ast.stmt, name: str) -> TypeGuard[ast.Assign | ast.AnnAssign]:
    """Whether that is `name = ...`, or `name: dict = ...`."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return any(isinstance(one, ast.Name) and one.id == name for one in targets)
