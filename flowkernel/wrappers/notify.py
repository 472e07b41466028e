"""notify: tell people how the flow ended."""

import flow_api

PARAMETERS = {
    "notify_on_success": False,
    "notify_on_error": True,
    "subject": "{child_name} {child_status}",
    "body": "{child_message}",
}
WORDS = {
    "ENDED_SUCCESS": "succeeded",
    "ENDED_ERROR": "failed",
    "ENDED_CANCELLED": "was cancelled",
}


def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict):
    child = this.wrapped.start().wait(system.return_when.ALL_ENDED)
    status = child.status
    is_good = status == "ENDED_SUCCESS"
    if inputs["notify_on_success" if is_good else "notify_on_error"]:
        words = {
            "child_name": child.get("name"),
            "child_status": WORDS[status],
            "child_message": child.get("message") or "",
        }
        this.message(
            inputs["subject"].format(**words),
            inputs["body"].format(**words),
            message_type="INFO" if is_good else "ERROR",
            wait=False,
        )
    return this.wrapped.end_as(child)
