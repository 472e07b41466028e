"""notify: tell people how the flow ended."""

import re

import flow_api

PARAMETERS = {
    "notify_on_success": False,
    "notify_on_error": True,
    "subject": "{child_name} {child_status}",
    "body": "{child_message}",
}
WORDS = {"SUCCESS": "succeeded", "ERROR": "failed", "CANCELLED": "was cancelled"}


def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict):
    child = this.wrapped.start().wait(system.return_when.ALL_ENDED)
    status = child.status
    is_good = status == "ENDED_SUCCESS"
    if inputs["notify_on_success" if is_good else "notify_on_error"]:
        words = {
            "child_name": child.get("name"),
            "child_status": WORDS[status.removeprefix("ENDED_")],
            "child_message": child.get("message") or "",
        }
        this.message(
            filled(inputs["subject"], words)[:1_000],
            filled(inputs["body"], words)[:100_000],
            message_type="INFO" if is_good else "ERROR",
            wait=False,
        )
    return this.wrapped.end_as(child)


def filled(text, words):
    """With the words for the names in braces; other braces stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), text)
