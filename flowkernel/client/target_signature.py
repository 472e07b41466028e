"""The parameters of what a person is about to run, before it is started."""

from pathlib import Path
from urllib.parse import quote

from flowkernel.client.client import Client
from flowkernel.client.flow_source import is_path, read_source
from flowkernel.core.models import FlowKind
from flowkernel.core.signature import Signature
from flowkernel.core.signature_reader import read_signature


def flow_names(client: Client) -> list[str]:
    """The names of the flows that can be run: not those of wrappers."""
    return [flow.name for flow in client.list_flows() if not flow.is_wrapper]


def target_signature(client: Client, target: str, cwd: Path | None = None) -> Signature:
    """What a flow, or the file at a path, declares.

    Args:
        cwd: The folder that a path is relative to. Default: the current one.

    Raises:
        FlowNotFound, FileMissing, NotANotebook, BadArgument: There is no such target.
    """
    if is_path(target):
        fields = read_source(target, cwd)
        return read_signature(FlowKind(fields["kind"]), fields["source"])
    record = client.get(f"/flow/{quote(target, safe='')}")
    # An engine of an older version does not know it.
    return Signature.from_json(record.get("signature") or {})
