"""The request by which a flow starts a child."""

from flowkernel.client.flow_source import kernel_fields, start_request
from flowkernel.core.errors import BadArgument, NotYetAvailable
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.flow_api.context import own_context, short_key
from flowkernel.flow_api.not_available import MISSING_ARGUMENTS


def child_request(
    parent_id: str,
    flow: str,
    inputs: dict[str, Json],
    *,
    name: str | None = None,
    run: bool = True,
    key: str | None = None,
    using: list[Json] | None = None,
    extra: bool = False,
    texts: dict[str, str] | None = None,
    kernel: str | None = None,
    keep_kernel: bool = False,
) -> dict[str, Json]:
    """The body of `POST execution` for a call of the flow whose kernel this is.

    Args:
        parent_id: The id of the execution of that flow.
        texts: As for `start_request`.
        kernel: For this child alone; None: that of its flow. The others are those of
            `Execution.flow`.
        keep_kernel: Whether its kernel is kept after its end.

    Raises:
        NotInFlowKernel, BadArgument: This is no kernel of that execution.
    """
    context = own_context(parent_id, "flow")
    request = start_request(flow, inputs, extra=extra, texts=texts)
    request |= kernel_fields(kernel, is_kept=keep_kernel)
    call_key = short_key(key or context.call_key(_call_name(request, using)))
    options = {"using": using or [], "name": name, "call_key": call_key, "run": run}
    return {**request, **options, "parent_id": parent_id}


def merged_inputs(inputs: Json, more_inputs: dict[str, Json]) -> dict[str, Json]:
    """The inputs of a call, which `start_request` checks."""
    if missing := MISSING_ARGUMENTS.intersection(more_inputs):
        raise NotYetAvailable(
            f"this.flow(..., {min(missing)}=...)",
            "Leave it out; it comes with settings.",
        )
    if not isinstance(inputs or {}, dict):
        raise BadArgument(f"inputs is {inputs!r}; give a dict of names and values.")
    return {**(inputs or {}), **more_inputs}


def _call_name(request: dict[str, Json], using: list[Json] | None) -> str:
    """What tells calls of one flow apart: the flow, its inputs, its wrappers."""
    flow = request.get("flow") or request["source"]["path"]
    call = f"{flow}:{dumps(request['inputs'])}"
    return f"{dumps(using)}:{call}" if using else call
