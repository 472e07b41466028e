"""interactive: if the flow fails and a person is there, ask what to do."""

import flow_api

PARAMETERS = {
    "interactive_limit_minutes": 30,
    "archive_retries": True,
    "delete_retries": False,
}


def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict):
    minutes, archive = inputs["interactive_limit_minutes"], inputs["archive_retries"]
    child = this.wrapped.start(parks=True)
    while child.settle().has_failed:
        if not this.is_attended(minutes):
            child.decide("fail")
            break
        try:
            answer = this.ask_about(child, timeout=this.patience(minutes))
        except flow_api.MessageResponseTimeoutError:
            child.decide("fail", why="Nobody answered in time.")
            break
        verb = child.decide(answer, archive=archive)
        if verb in ("retry", "retry_with_inputs"):
            child = this.wrapped.again(child)
    return this.wrapped.end_as(child, delete_retries=inputs["delete_retries"])
