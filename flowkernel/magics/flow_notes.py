"""What the magics of flows say: names that a cell does not define, parameters, names."""

import sys
from typing import Any

from flowkernel.client.client import Client
from flowkernel.core.models import Flow, FlowKind
from flowkernel.display.live_terminal import write


def warn_of_names(shell: Any, name: str, cell: str, setup: str) -> None:
    """Check the source of a flow; warn of names that it does not define.

    Raises:
        FlowSyntaxError: It is not valid Python.
        BadArgument: It has a `handler` that cannot be called.
    """
    from flowkernel.client.source_check import check_source
    from flowkernel.core.handler_source import check_handler

    # IPython drops empty lines in front.
    dropped = len(cell) - len(cell.lstrip("\n"))
    result = check_source(
        shell.transform_cell(cell),
        setup=shell.transform_cell(setup) if setup else "",
        offset=1 + dropped,
    )
    check_handler(name, FlowKind.CELL, cell)
    if result.undefined:
        sys.stderr.write(_warning(name, result.undefined) + "\n")


def register_cell(client: Client, flow: Flow) -> tuple[Flow, str]:
    """Register a flow; the flow as the engine has it, and lines about what it replaces."""
    from flowkernel.client.replaced_flow import previous_flow, replacement_notes

    previous = previous_flow(client, flow.name)
    flow = client.register(flow)
    return flow, "".join(f"{note}\n" for note in replacement_notes(previous, flow))


def print_parameters(client: Client, target: str) -> None:
    """Print what a target declares."""
    from flowkernel.client.target_signature import target_signature
    from flowkernel.display.parameter_list import parameters_text

    signature = target_signature(client, target)
    write(parameters_text(target, signature))


def quoted(name: str) -> str:
    """A name as a magic takes it."""
    return name if name.isidentifier() else repr(name)


def _warning(name: str, undefined: tuple[tuple[str, int], ...]) -> str:
    uses = ", ".join(f"`{word}` (line {line})" for word, line in undefined)
    pronoun = "it" if len(undefined) == 1 else "them"
    return (
        f"The flow {name!r} uses {uses}, which it does not define: it runs in a kernel "
        f"of its own and sees no variable of this notebook. Define {pronoun} in the cell, "
        f"pass {pronoun} as an input (inputs[{undefined[0][0]!r}]), or put a shared cell in "
        "front with --setup NAME."
    )
