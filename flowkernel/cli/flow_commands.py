"""`flowkernel flow ...`: the options and the help of each command.

Imported for every help text, so what a command does is imported when it is called.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from flowkernel.cli.options import Argument, AsCsv, AsJson, Option
from flowkernel.cli.using_option import Using


def _complete_flow(_parameters: Mapping[str, Any], incomplete: str) -> list[str]:
    from flowkernel.cli.completion import complete_flow

    return complete_flow(incomplete)


FlowName = Annotated[
    str,
    Argument(metavar="NAME", help="The name of the flow.", complete=_complete_flow),
]
SourcePath = Annotated[
    str, Argument(metavar="PATH", help="The path of an .ipynb or .py file.")
]
NewName = Annotated[
    str | None,
    Option(
        ("--name",),
        metavar="NAME",
        help="Name of the flow. Default: the name of the file without its ending.",
    ),
]


def list_flows(json: AsJson = False, csv: AsCsv = False) -> None:
    """List the flows, by name.

    Examples:
        flowkernel flow list
    """
    from flowkernel.cli import flow_operations
    from flowkernel.cli.output import OutputForm

    flow_operations.list_flows(OutputForm.of(json=json, csv=csv))


def show_flow(name: FlowName, json: AsJson = False, csv: AsCsv = False) -> None:
    """Show a flow: its settings and its source.

    Examples:
        flowkernel flow show report
    """
    from flowkernel.cli import flow_operations
    from flowkernel.cli.output import OutputForm

    flow_operations.show_flow(name, OutputForm.of(json=json, csv=csv))


def register_flow(
    path: SourcePath,
    name: NewName = None,
    using: Using = None,
    json: AsJson = False,
) -> None:
    """Register a notebook or a script as a flow.

    A flow that has this name already is replaced, and its wrappers are gone. What runs now
    keeps its source.

    Examples:
        flowkernel flow register notebooks/quickstart.ipynb
        flowkernel flow register scripts/clean.py --name "clean up"
        flowkernel flow register report.ipynb --using retry --max-tries 5
    """
    from flowkernel.cli import flow_operations

    flow_operations.register_flow(path, name, using or [], as_json=json)


def wrap_flow(name: FlowName, using: Using = None, json: AsJson = False) -> None:
    """Set the wrappers of a flow: its later runs go through them.

    Without --using, the flow no longer has a wrapper. Runs that are under way are not
    changed.

    Examples:
        flowkernel flow wrap report --using retry --max-tries 5
        flowkernel flow wrap report
    """
    from flowkernel.cli import flow_operations

    flow_operations.wrap_flow(name, using or [], as_json=json)


def delete_flow(name: FlowName, json: AsJson = False) -> None:
    """Delete the name of a flow. Its runs, and the versions that ran, are kept.

    Examples:
        flowkernel flow delete report
    """
    from flowkernel.cli import flow_operations

    flow_operations.delete_flow(name, as_json=json)
