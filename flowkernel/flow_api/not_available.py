"""What the documentation has and this version has not, and what to use instead."""

from collections.abc import Iterable

from flowkernel.core.errors import BadArgument, NotYetAvailable

#: Methods of an execution, each with a sentence of advice.
MISSING_METHODS = {
    "connect": "Connectors come later; until then use a Python package in the flow.",
    "task": "Connectors come later; until then use a Python package in the flow.",
    "script": "Register the code with %%flow and start it with this.flow(NAME).",
    "webhook_html_response": "Webhooks come later.",
    "save_dump": "Savepoints are not offered: children that succeeded are not run twice.",
    "load_dump": "Savepoints are not offered: children that succeeded are not run twice.",
}
#: Arguments of `this.flow()`.
MISSING_ARGUMENTS = frozenset(
    {
        "init",
        "location_inheritance",
        "protect_inputs",
        "protect_outputs",
        "savepoint_retention",
    }
)
#: How a record can be named; it is known by one of them.
NAMINGS = ("id", "name")


def refuse_arguments(call: str, names: Iterable[str]) -> None:
    """Refuse arguments that this version does not know, by name.

    Raises:
        NotYetAvailable: There is one.
    """
    for name in sorted(names):
        raise NotYetAvailable(f"{call}(..., {name}=...)", "Leave it out.")


def check_naming(call: str, by: str, *known: str) -> None:
    """Refuse a `by` that says how a record is named, where it is not known so.

    Raises:
        BadArgument: It is neither `id` nor `name`.
        NotYetAvailable: Records of this kind are not found by it.
    """
    if by not in NAMINGS:
        raise BadArgument(f"{call} is called with by={by!r}; it is 'name' or 'id'.")
    if by not in known:
        advice = f"Use by={known[0]!r}."
        raise NotYetAvailable(f"{call}(..., by={by!r})", advice)
