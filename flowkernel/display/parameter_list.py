"""The parameters of a flow, and the defaults of a run, for people. Pure."""

from flowkernel.core.models import Json
from flowkernel.core.signature import Parameter, Signature
from flowkernel.core.text import one_line
from flowkernel.display.table import Table


def parameter_table(signature: Signature) -> Table:
    """The parameters that a flow declares, in its order."""
    return Table(
        ("parameter", "type", "default", "help"),
        tuple(_row(parameter) for parameter in signature.parameters),
    )


def _row(parameter: Parameter) -> tuple[str, str, str, str]:
    default = parameter.default_text
    return (
        parameter.name,
        parameter.type or "",
        "(required)" if default is None else default,
        one_line(parameter.help),
    )


def parameters_text(target: str, signature: Signature) -> str:
    """What can be passed to a target: a title, and a line for each parameter."""
    if not signature:
        return f"{target} declares no parameters: it takes any."
    tail = "\nIt takes other names, too." if signature.takes_others else ""
    return f"Parameters of {target}:\n\n{parameter_table(signature).text()}{tail}"


def defaults_text(defaults: dict[str, Json] | None) -> str:
    """The defaults that a run had: `rate = 1.0, day = date.today()`; empty if none."""
    return ", ".join(
        f"{name} = {_default_text(default)}"
        for name, default in (defaults or {}).items()
    )


def _default_text(default: Json) -> str:
    return one_line(repr(default["value"]) if "value" in default else default["source"])
