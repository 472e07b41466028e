"""timeout: if the flow takes too long, cancel it and fail."""

import flow_api

PARAMETERS = {"timeout_sec": 3600}


def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict):
    seconds = inputs["timeout_sec"]
    child = this.wrapped.start()
    try:
        child.wait(system.return_when.ALL_ENDED, timeout=seconds)
    except flow_api.DependencyTimeoutError:
        if (
            child.cancel().wait(system.return_when.ALL_ENDED).status
            == "ENDED_CANCELLED"
        ):
            return this.error(f"It took longer than {seconds} s, and was cancelled.")
    return this.wrapped.end_as(child)
