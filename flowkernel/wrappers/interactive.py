"""interactive: if the flow fails and a person is there, ask what to do."""

import flow_api

PARAMETERS = {
    "interactive_limit_minutes": 30,
    "archive_retries": True,
    "delete_retries": False,
}
LIMITS = {"interactive_limit_minutes": (0, 5_000_000)}
AGAIN = ("retry", "retry_with_inputs")


def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict) -> None:
    """Run the flow, again if a person decides so, until it has ended for good."""
    child = this.wrapped.start(parks=True)
    while True:
        if child.settle().has_failed:
            ask(this, child, inputs)
        elif (child.get("decision") or {}).get("verb") in AGAIN:
            child = this.wrapped.again(child)
        else:
            return this.wrapped.end_as(child, delete_retries=inputs["delete_retries"])


def ask(this: flow_api.Execution, child: flow_api.Execution, inputs: dict) -> None:
    """Carry out what a person answers. Without a person or an answer, the flow fails."""
    minutes = inputs["interactive_limit_minutes"]
    attendance = this.attendance(minutes)
    this.log(attendance["why"])
    answer, why = "fail", "Nobody was there to be asked."
    try:
        if attendance["is_attended"]:
            answer, why = this.ask_about(child, timeout=this.patience(minutes)), None
    except flow_api.MessageResponseTimeoutError:
        why = "Nobody answered in time."
    except flow_api.MessageClosed:
        return  # For example, it was cancelled before the answer: look at it again.
    child.decide(answer, why=why, archive=inputs["archive_retries"])
