"""What the `flowkernel flow` commands do."""

import shlex
import sys
from dataclasses import fields
from urllib.parse import quote

from flowkernel.api import file_flow
from flowkernel.cli.cli_client import make_client, waiting
from flowkernel.cli.output import (
    OutputForm,
    facts_text,
    print_code,
    print_json,
    print_list,
    print_note,
    print_record,
    print_records,
    print_text,
)
from flowkernel.cli.parameters import wrappers_in
from flowkernel.client.replaced_flow import previous_flow, replacement_notes
from flowkernel.client.wrapper_options import wrappers_text
from flowkernel.core.json_values import checked_name
from flowkernel.core.models import Flow
from flowkernel.core.signature import Signature
from flowkernel.core.text import plain_text
from flowkernel.display.columns import flow_table, moment_text
from flowkernel.display.markdown_text import print_markdown
from flowkernel.display.parameter_list import parameters_text
from flowkernel.display.source_text import readable_source

#: The columns of CSV.
FLOW_FIELDS = [field.name for field in fields(Flow)]


def list_flows(form: OutputForm) -> None:
    """Print all flows, by name."""
    flows = make_client().list_flows()
    if form is not OutputForm.TEXT:
        print_records([flow.to_json() for flow in flows], form, FLOW_FIELDS)
    else:
        print_list(
            lambda show_moment: flow_table(flows, show_moment=show_moment),
            ("version", "registered", "wrapped by", "description"),
            empty="There is no flow yet. `flowkernel flow register PATH` makes one.",
        )


def show_flow(name: str, form: OutputForm) -> None:
    """Print what a flow is, what it takes, and its source."""
    record = make_client().get(f"/flow/{quote(name, safe='')}")
    if form is not OutputForm.TEXT:
        print_record(record, form, [*FLOW_FIELDS, "signature"])
        return
    flow, signature = Flow.from_json(record), record.get("signature") or {}
    facts = {title: plain_text(str(f)) for title, f in _facts(flow).items() if f}
    print_text(facts_text(facts, 13))
    if flow.description:
        print_text("")
        print_markdown(flow.description, sys.stdout)
    if not flow.is_wrapper:
        text = parameters_text(repr(name), Signature.from_json(signature))
        print_text("\n" + plain_text(text))
    print_text("")
    print_code(readable_source(flow.kind, flow.source))


def _facts(flow: Flow) -> dict[str, object]:
    return {
        "name": flow.name,
        "kind": "wrapper" if flow.is_wrapper else flow.kind.value.lower(),
        "version": flow.flow_version,
        "registered": moment_text(flow.registered_at),
        "wrapped by": wrappers_text(flow.wrappers),
        "setup": flow.setup,
        "file": flow.path,
        "interpreter": flow.environment.interpreter,
        "kernel": flow.environment.kernel_name,
        "folder": flow.environment.cwd,
        "on lost": flow.on_lost.value,
        "cell timeout": flow.cell_timeout and f"{flow.cell_timeout:g} s",
    }


def register_flow(
    path: str, name: str | None, using: list[str], *, as_json: bool
) -> None:
    """Give a file a name. `using`: the wrappers that its runs go through."""
    if name is not None:
        checked_name(name)
    client = make_client(makes_home=True)
    with waiting(f"Reading {path}", client.note):
        flow = file_flow(path, name=name, using=wrappers_in(using))
    previous = previous_flow(client, flow.name)
    flow = client.register(flow)
    if as_json:
        print_json(flow.to_json())
        return
    for sentence in replacement_notes(previous, flow):
        print_note(sentence)
    wrappers = wrappers_text(flow.wrappers)
    through = f"It runs through {wrappers}. " if wrappers else ""
    print_text(
        f"Registered {flow.name!r} (version {flow.flow_version[:8]}). {through}Start it with "
        f"`flowkernel run {shlex.quote(flow.name)}`."
    )


def wrap_flow(name: str, using: list[str], *, as_json: bool) -> None:
    """Set the wrappers of a flow; an empty list takes them off."""
    flow = make_client().wrap(name, wrappers_in(using))
    if as_json:
        print_json(flow.to_json())
    elif flow.wrappers:
        print_text(f"{flow.name!r} now runs through {wrappers_text(flow.wrappers)}.")
    else:
        print_text(f"{flow.name!r} no longer has a wrapper.")


def delete_flow(name: str, *, as_json: bool) -> None:
    """Delete the name of a flow."""
    make_client().delete_flow(name)
    if as_json:
        print_json({"name": name, "is_deleted": True})
    else:
        print_text(f"Deleted the flow {name!r}. Its runs and versions are kept.")
