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


def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict) -> None:
    """Run the flow, then send a message that needs no answer."""
    child = this.wrapped.start().wait(system.return_when.ALL_ENDED)
    status = child.status
    has_succeeded = status == "ENDED_SUCCESS"
    if inputs["notify_on_success" if has_succeeded else "notify_on_error"]:
        words = {
            "child_name": child.get("name"),
            "child_status": WORDS[status.removeprefix("ENDED_")],
            "child_message": child.get("message") or "",
        }
        this.message(
            fill_in(inputs["subject"], words)[:1_000],
            fill_in(inputs["body"], words)[:100_000],
            message_type="INFO" if has_succeeded else "ERROR",
            wait=False,
        )
    return this.wrapped.end_as(child)


def fill_in(template: str, words: dict[str, str]) -> str:
    """Replace the names in braces by their words; other braces stay unchanged."""
    return re.sub(r"\{(\w+)\}", lambda m: words.get(m[1], m[0]), template)
