"""interactive: if the flow fails and a person is there, ask what to do."""

import flow_api

PARAMETERS = {
    "interactive_limit_minutes": 30,
    "archive_retries": True,
    "delete_retries": False,
}
LIMITS = {"interactive_limit_minutes": (0, 5_000_000)}
AGAIN = ("retry", "retry_with_inputs")


def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict):
    minutes, archive = inputs["interactive_limit_minutes"], inputs["archive_retries"]
    child = this.wrapped.start(parks=True)
    while True:
        if child.settle().has_failed:
            ask(this, child, minutes, archive)
        elif (child.get("decision") or {}).get("verb") in AGAIN:
            child = this.wrapped.again(child)
        else:
            return this.wrapped.end_as(child, delete_retries=inputs["delete_retries"])


def ask(this, child, minutes, archive):
    """Have followed what a person answers; if nobody is there, or answers, it fails."""
    if not this.is_attended(minutes):
        child.decide("fail", why="Nobody was there to be asked.")
        return
    try:
        answer = this.ask_about(child, timeout=this.patience(minutes))
    except flow_api.MessageResponseTimeoutError:
        child.decide("fail", why="Nobody answered in time.")
    except flow_api.MessageClosed:
        return  # It was cancelled, say, before anybody answered: look at it again.
    else:
        child.decide(answer, archive=archive)
