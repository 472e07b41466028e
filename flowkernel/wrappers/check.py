"""check: when the flow has succeeded, let another flow check its output."""

import flow_api

PARAMETERS = {"checker_flow": None, "inputs": {}}


def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict) -> None:
    """Run the flow, then the checker. If the checker fails, so does this."""
    if not isinstance(inputs["checker_flow"], str):
        return this.error("check needs `checker_flow`: the name of the flow to run.")
    child = this.wrapped.start().wait(system.return_when.ALL_ENDED)
    if child.status == "ENDED_SUCCESS":
        this.flow(inputs["checker_flow"], inputs=inputs["inputs"], output=child.output)
    return this.wrapped.end_as(child)
