"""What a person is asked when something failed. Pure.

Six things can be done; two of them need the kernel that failed to be alive. The words say what
a person needs to decide, so that a terminal, a notebook and a page can all show them.
"""

from dataclasses import dataclass

from flowkernel.core.json_values import dumps
from flowkernel.core.models import Execution, Json, Message
from flowkernel.core.projection import LIVE_VERBS
from flowkernel.core.text import one_line
from flowkernel.engine.prompts.assigned_names import names_set_by

TRACEBACK_LINES = 12  #: The last ones are shown.
SHOWN = (
    2_000  #: Characters of a cell's source in the words, inclusive; the form has all.
)
#: What a form offers only while the kernel that failed is there.
NEEDS_KERNEL = LIVE_VERBS | {"source", "values"}
LONGEST_SOURCE = 200_000  #: Characters of a cell that can be edited, inclusive.
LONGEST_INPUT = (
    20_000  #: Characters of an input, as JSON, that can be edited, inclusive.
)
MOST_INPUTS = 80  #: That can be edited, inclusive: a form has 100 elements.
INPUT = "inputs."  #: Begins the name of a field that is an input.
LABELS = {
    "retry_cell": "Retry cell",
    "retry": "Retry from start",
    "retry_with_inputs": "Retry with other inputs",
    "skip": "Skip the cell",
    "fail": "Fail",
    "cancel_all": "Cancel all",
}
SAID = {
    "retry_cell": "Go on from this cell, as it stands here; all before it stays as it is.",
    "retry": "Begin anew, in a new kernel.",
    "retry_with_inputs": "Begin anew, in a new kernel, with these inputs.",
    "skip": "Go on behind this cell, with these values.",
    "fail": "End with this error.",
    "cancel_all": "Stop it, whatever waits for it, and all that these started.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailurePrompt:
    """What is asked."""

    subject: str
    message: str  #: Markdown.
    body: Json


def prompt_of(
    failed: Execution,
    *,
    cause: Execution,
    tries: int,
    waiting: list[str],
    seconds: float | None,
) -> FailurePrompt:
    """The prompt for an execution that failed.

    Args:
        cause: What failed under it, if it is a wrapper; else itself.
        tries: How many there were, this one included.
        waiting: The names of those that wait for it, its parent first.
        seconds: For how long it ran, without what people took; None: it never did.
    """
    times = f" {tries} times" if tries > 1 else ""
    return FailurePrompt(
        subject=f"{failed.name} failed{times}",
        message="\n\n".join(_parts(failed, cause, tries, waiting, seconds)),
        body={"type": "object", "properties": _properties(failed)},
    )


def _parts(
    failed: Execution,
    cause: Execution,
    tries: int,
    waiting: list[str],
    seconds: float | None,
) -> list[str]:
    failure, parts = cause.failure or {}, [f"**{failed.status_message}**"]
    source = "" if cause.wrapped is not None else str(failure.get("source") or "")
    if source and failed.parked_at is None:  # Else it stands in the form.
        shown = source if len(source) <= SHOWN else source[:SHOWN] + "\n..."
        parts.append(_fenced(shown, "python"))
    if cause.error is not None and cause.error.traceback:
        lines = cause.error.traceback.rstrip().splitlines()[-TRACEBACK_LINES:]
        parts.append(_fenced("\n".join(lines), ""))
    if source and failed.parked_at is not None:
        parts.append(
            "Its kernel is alive, with all variables. Edit the cell, if need be, and retry it."
        )
    facts = [f"{n} = {one_line(repr(v))}" for n, v in _inputs(failed).items()]
    said = [f"Execution {failed.execution_id[-8:]}."]
    if cause is not failed:
        said.append(f"Under it failed {cause.name!r} ({cause.execution_id[-8:]}).")
    said += [f"Inputs: {', '.join(facts)}." if facts else "It has no inputs."]
    if seconds is not None:
        said.append(f"It ran for {seconds:.1f} s.")
    said.append(f"Try {tries}.")
    if waiting:
        said.append(f"Waiting for it: {', '.join(waiting)}.")
    if failed.parked_at is None:
        said.append(kernel_gone(failed))
    return [*parts, " ".join(said)]


def _inputs(failed: Execution) -> dict[str, Json]:
    """What it got; of a wrapper, what it gives to the flow."""
    wrapped = failed.wrapped
    return dict(failed.inputs if wrapped is None else wrapped["inputs"])


def kernel_gone(failed: Execution) -> str:
    """What is still possible, and why no more is."""
    if failed.wrapped is not None:
        return (
            "Retry cell is not possible around a wrapper, which runs its flow as a whole: "
            "put `interactive` innermost for that. Retry from start is."
        )
    why = (failed.failure or {}).get("kernel_lost", "Its kernel is gone.")
    return f"Retry cell is no longer possible. {why} Retry from start still is."


def why_settled(failed: Execution | None) -> str:
    """Why nobody needs to decide on it any more."""
    if failed is None:
        return "What it asked about is gone."
    if failed.status.is_ended:
        return f"{failed.name!r} ended before anybody answered."
    return f"{failed.name!r} was decided on otherwise."


def offers_kernel(body: Json) -> bool:
    """Whether a form has a button that needs the kernel that failed."""
    return any(name in LIVE_VERBS for name in (body or {}).get("properties", {}))


def without_kernel(message: Message, failed: Execution) -> dict[str, Json]:
    """The words and the form of a prompt, now that the kernel is gone."""
    properties = {
        name: asked
        for name, asked in message.body["properties"].items()
        if name not in NEEDS_KERNEL
    }
    return {
        "message": f"{message.message}\n\n**{kernel_gone(failed)}**",
        "body": {**message.body, "properties": properties},
    }


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _properties(failed: Execution) -> dict[str, Json]:
    """The form: what can be filled in, then the buttons, each with what belongs to it."""
    failure = failed.failure or {}
    source = str(failure.get("source") or "")
    has_kernel = failed.parked_at is not None and bool(source)
    inputs = {
        INPUT + name: {
            **_element_for(value),
            "label": name,
            "default": value,
            "keeps_empty": True,
        }
        for name, value in list(_inputs(failed).items())[:MOST_INPUTS]
        if len(dumps(value)) <= LONGEST_INPUT
    }
    live: dict[str, Json] = {
        "source": {
            "element": "code",
            "label": _cell_label(failure),
            "default": source,
            "keeps_empty": True,
        },
        "values": {
            "element": "json",
            "label": "Values",
            "description": "What the cell would have set; null: nothing.",
            "default": dict.fromkeys(names_set_by(source)),
        },
    }
    if len(source) > LONGEST_SOURCE:
        del live["source"]
    belongs = {
        "retry_cell": ["source"] if "source" in live else [],
        "retry_with_inputs": list(inputs),
        "skip": ["values"],
    }
    buttons = {
        verb: {
            "element": "submit",
            "label": label,
            "description": SAID[verb],
            "required": [],
            "fields": belongs.get(verb, []),
        }
        for verb, label in LABELS.items()
        if (has_kernel or verb not in LIVE_VERBS)
        and (inputs or verb != "retry_with_inputs")
    }
    return {**(live if has_kernel else {}), **inputs, **buttons}


def _cell_label(failure: dict[str, Json]) -> str:
    number, count = failure.get("cell_number"), failure.get("cell_count")
    return f"Cell {number} of {count}" if number else "The cell"


def _element_for(value: Json) -> dict[str, Json]:
    if isinstance(value, bool):
        return {"element": "toggle"}
    if isinstance(value, int):
        return {"element": "number", "type": "integer"}
    if isinstance(value, float):
        return {"element": "number"}
    if isinstance(value, str):
        return {"element": "textarea" if "\n" in value else "string"}
    return {"element": "json"}
