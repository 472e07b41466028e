"""timeout: if the flow takes too long, cancel it and fail."""

from contextlib import suppress

import flow_api

PARAMETERS = {"timeout_sec": 3600}
LIMITS = {"timeout_sec": (0.001, 100_000_000)}


def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict) -> None:
    """Run the flow, and cancel it at the time limit."""
    seconds = inputs["timeout_sec"]
    child = this.wrapped.start()
    try:
        child.wait(system.return_when.ALL_ENDED, timeout=seconds)
    except flow_api.DependencyTimeoutError:
        with suppress(flow_api.MoveNotAllowed):  # It has ended just now.
            child.cancel()
        child.wait(system.return_when.ALL_ENDED)
        if child.status == "ENDED_CANCELLED":
            return this.error(f"It took longer than {seconds} s, and was cancelled.")
    return this.wrapped.end_as(child)
