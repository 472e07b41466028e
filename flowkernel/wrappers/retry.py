"""retry: if the flow fails, run it again after a while."""

import flow_api

PARAMETERS = {
    "max_tries": 3,
    "delay_sec": 10,
    "archive_retries": True,
    "delete_retries": False,
}
LIMITS = {"max_tries": (1, 1_000, "whole"), "delay_sec": (0, 100_000_000)}


def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict) -> None:
    """Run the flow until it succeeds, is cancelled, or has no tries left."""
    child = this.wrapped.start().wait(system.return_when.ALL_ENDED)
    while child.status == "ENDED_ERROR":
        if this.wrapped.tries(child) >= inputs["max_tries"]:
            break
        this.sleep(inputs["delay_sec"])
        child.save(is_archived=inputs["archive_retries"])
        child = this.wrapped.again(child).wait(system.return_when.ALL_ENDED)
    return this.wrapped.end_as(child, delete_retries=inputs["delete_retries"])
