"""Wrappers by their names: those that are shipped, and those that people registered.

A wrapper says which parameters it takes, and their defaults, in a literal of its source:
`PARAMETERS = {"max_tries": 3}`. So a wrong one is refused when it is given, not when it runs.
"""

import ast
import sys
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from numbers import Number

from flowkernel.errors import BadArgument, FlowNotFound
from flowkernel.jsonvalue import checked
from flowkernel.models import Environment, Flow, FlowKind, Json
from flowkernel.store import Store

PACKAGE = "flowkernel.wrappers"
NAME = "PARAMETERS"
KINDS: dict[type, str] = {
    bool: "true or false",
    Number: "a number",
    str: "a text",
    list: "a list",
    dict: "an object of names and values",
}  #: What a parameter takes, by what its default is.


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


def checked_uses(store: Store, uses: Json) -> list[Json]:
    """Wrappers as they are asked for, each with all its parameters, outermost first.

    Raises:
        BadArgument: There is no such wrapper, or it has no such parameter.
    """
    found = []
    for use in uses:
        flow = wrapper_flow(store, use["name"])
        inputs = checked(use.get("inputs") or {}, f"the parameters of {flow.name!r}")
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
    for name, value in inputs.items():
        _check_kind(flow.name, name, value, known[name])
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


def parameters_of(flow: Flow) -> dict[str, Json] | None:
    """The parameters of a wrapper with their defaults; None: it does not say."""
    try:
        body = ast.parse(flow.source).body
    except (
        SyntaxError,
        ValueError,
        RecursionError,
    ):  # Magics in it: it says so as it runs.
        return None
    for node in body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            [target] = node.targets
            if isinstance(target, ast.Name) and target.id == NAME:
                try:
                    found: dict[str, Json] = dict(ast.literal_eval(node.value))
                except (ValueError, TypeError) as error:
                    raise BadArgument(
                        f"{NAME} of the wrapper {flow.name!r} must be a dict of names "
                        "and defaults, written out."
                    ) from error
                return checked(found, NAME)  # type: ignore[no-any-return]
    return None
