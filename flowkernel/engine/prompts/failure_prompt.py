"""The prompt about a failure: its text and its form. Pure.

A person can decide six things; two of them need the kernel that failed. The text has all that a
person needs for that, so that a terminal, a notebook and a page can show the same.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flowkernel.core.clock import short_id
from flowkernel.core.interventions import LIVE_VERBS
from flowkernel.core.models import (
    DecisionVerb,
    Execution,
    Failure,
    Json,
    Message,
    RequestedAction,
)
from flowkernel.core.text import one_line
from flowkernel.engine.prompts.assigned_names import values_set_by
from flowkernel.engine.prompts.input_fields import Fields, input_fields
from flowkernel.forms.fields import PYTHON
from flowkernel.forms.input_check import InputCheck

V = DecisionVerb
TRACEBACK_LINES = 12  #: The last ones are shown.
#: Characters of a cell's source in the text, inclusive; the form has all of it.
SHOWN_SOURCE = 2_000
#: What a form offers only while the kernel that failed is alive.
NEEDS_KERNEL = LIVE_VERBS | {"source", "values"}
#: What is said of the values for a cell that is skipped.
VALUES = "What the cell would have set; empty: do not set it."
SETS_OUTPUT = re.compile(r"\bset_output\s*\(")
LONGEST_SOURCE = 200_000  #: Characters of a cell that can be edited, inclusive.
LABELS = {
    V.RETRY_CELL: "Retry cell",
    V.RETRY: "Retry from start",
    V.RETRY_WITH_INPUTS: "Retry with other inputs",
    V.SKIP: "Skip the cell",
    V.FAIL: "Fail",
    V.CANCEL_ALL: "Cancel all",
}
DESCRIPTIONS = {
    V.RETRY_CELL: "Run this cell again, as it is here. The cells before it do not run again.",
    V.RETRY: "Start again, in a new kernel.",
    V.RETRY_WITH_INPUTS: "Start again, in a new kernel, with these inputs.",
    V.SKIP: "Continue after this cell, with these values.",
    V.FAIL: "End with this error.",
    V.CANCEL_ALL: "Cancel this run, all runs that wait for it, and all that those started.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailurePrompt:
    """The prompt about one failure."""

    subject: str
    message: str  #: Markdown.
    body: Json  #: The form.


def prompt_of(
    failed: Execution,
    *,
    cause: Execution,
    tries: int,
    waiting: list[str],
    seconds: float | None,
    check: InputCheck,
    cancel_count: int,
) -> FailurePrompt:
    """The prompt for an execution that failed.

    Args:
        cause: What failed under it, if it is a wrapper; else itself.
        tries: How many there were, this one included.
        waiting: The names of those that wait for it, its parent first.
        seconds: How long it ran, without the time that people took; None: it never ran.
        check: Of the inputs, by the version that would run next.
        cancel_count: How many runs *Cancel all* would end.
    """
    times = f" {tries} times" if tries > 1 else ""
    inputs = _inputs_sentence(failed, check)
    facts = _facts(failed, cause, tries, waiting, seconds, inputs)
    parts = [f"**{failed.status_message}**", *_cell_parts(failed, cause), facts]
    return FailurePrompt(
        subject=f"{failed.name} failed{times}",
        message="\n\n".join(parts),
        body={
            "type": "object",
            "properties": _properties(failed, check, cancel_words(cancel_count)),
        },
    )


def _cell_parts(failed: Execution, cause: Execution) -> list[str]:
    """The source and the traceback of the cell, as paragraphs."""
    parts = []
    source = "" if cause.wrapped is not None else _source(cause)
    if source and failed.parked_at is None:  # Else it is in the form.
        is_short = len(source) <= SHOWN_SOURCE
        excerpt = source if is_short else source[:SHOWN_SOURCE] + "\n..."
        parts.append(_fenced(excerpt, "python"))
    if cause.error is not None and cause.error.traceback:
        lines = cause.error.traceback.rstrip().splitlines()[-TRACEBACK_LINES:]
        parts.append(_fenced("\n".join(lines), ""))
    if source and failed.parked_at is not None:
        parts.append(
            "Its kernel is alive, with all variables. Edit the cell if needed, and retry it."
        )
    return parts


def _facts(
    failed: Execution,
    cause: Execution,
    tries: int,
    waiting: list[str],
    seconds: float | None,
    inputs: str,
) -> str:
    """What else a person may want to know, as one paragraph."""
    sentences = [f"Run ID: {short_id(failed.execution_id)}."]
    if cause is not failed:
        name, short = cause.name, short_id(cause.execution_id)
        sentences.append(f"Under it failed {name!r} ({short}).")
    sentences.append(inputs)
    if seconds is not None:
        sentences.append(f"It ran for {seconds:.1f} s.")
    sentences.append(f"Try {tries}.")
    if waiting:
        sentences.append(f"Waiting for it: {', '.join(waiting)}.")
    if failed.parked_at is None:
        sentences.append(kernel_gone(failed))
    return " ".join(sentences)


def _inputs_sentence(failed: Execution, check: InputCheck) -> str:
    """Its inputs, and what the other parameters were."""
    inputs = [f"{name} = {one_line(repr(v))}" for name, v in _inputs(failed).items()]
    defaults = failed.defaults
    if failed.wrapped is not None:  # It has the parameters of a wrapper.
        defaults = check.defaults(_inputs(failed))
    texts = [f"{name} = {_default_text(v)}" for name, v in (defaults or {}).items()]
    sentences = [f"Inputs: {', '.join(inputs)}."] if inputs else []
    sentences += [f"By default: {', '.join(texts)}."] if texts else []
    return " ".join(sentences) or "It has no inputs."


def _default_text(default: Json) -> str:
    """A default as it was recorded: its value, or its source if it had none yet."""
    return one_line(repr(default["value"]) if "value" in default else default["source"])


def _source(failed: Execution) -> str:
    """The source of the cell that failed; empty if there was none."""
    return (failed.failure or Failure()).source or ""


def _inputs(failed: Execution) -> dict[str, Json]:
    """Its inputs; of a wrapper, those of the flow that it runs."""
    return dict(failed.inputs if failed.wrapped is None else failed.wrapped.inputs)


def kernel_gone(failed: Execution) -> str:
    """Why its cell cannot be retried, and what is possible."""
    if failed.wrapped is not None:
        return (
            "Retry cell is not possible around a wrapper, which runs its flow as a whole: "
            "put `interactive` innermost for that. Retry from start is possible."
        )
    reason = (failed.failure or Failure()).kernel_lost
    reason = "Its kernel is gone." if reason is None else reason
    return f"Retry cell is no longer possible. {reason} Retry from start still is."


def why_settled(failed: Execution | None) -> str:
    """Why no decision on it is needed."""
    if failed is None:
        return "The run that it asked about was deleted."
    if failed.status.is_ended:
        return f"{failed.name!r} ended before this was answered."
    if failed.requested_action is RequestedAction.CANCEL:
        return f"{failed.name!r} is being cancelled."
    return f"Something else was decided on {failed.name!r}."


def offers_kernel(body: Json) -> bool:
    """Whether a form has a button that needs the kernel that failed."""
    return any(name in LIVE_VERBS for name in (body or {}).get("properties", {}))


def without_kernel(message: Message, failed: Execution) -> dict[str, Json]:
    """The text and the form of a prompt whose kernel is gone, as fields of the message."""
    properties = {
        name: field
        for name, field in message.body["properties"].items()
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


def cancel_words(count: int) -> dict[str, Json]:
    """What *Cancel all* says: its label, and the question before it counts."""
    runs = "1 run" if count == 1 else f"{count} runs"
    return {"label": f"Cancel all {runs}", "confirm": f"Cancel {runs}?"}


def _properties(
    failed: Execution, check: InputCheck, cancel: dict[str, Json]
) -> Fields:
    """The form: what can be filled in, then the buttons, each with its own fields."""
    source = _source(failed)
    has_kernel = failed.parked_at is not None and bool(source)
    cell = _cell_fields(failed, check) if has_kernel else {}
    inputs = input_fields(check, _inputs(failed))
    verbs = [
        verb
        for verb in LABELS
        if (has_kernel or verb not in LIVE_VERBS)
        and (inputs or verb is not V.RETRY_WITH_INPUTS)
    ]
    own_fields = {
        V.RETRY_CELL: [name for name in cell if name == "source"],
        V.RETRY_WITH_INPUTS: list(inputs),
        V.SKIP: ["values"],
    }
    buttons = {str(verb): _button(verb, own_fields.get(verb, ())) for verb in verbs}
    buttons[V.CANCEL_ALL] |= cancel
    return {**cell, **inputs, **buttons}


def _cell_fields(failed: Execution, check: InputCheck) -> Fields:
    """The source, unless it is too long to be edited, and the values for its names."""
    failure = failed.failure or Failure()
    source = failure.source or ""
    fields: Fields = {
        "source": {
            "element": "code",
            "label": _cell_label(failure),
            "default": source,
            "keeps_empty": True,
            **({"language": PYTHON} if _is_python(failed, check) else {}),
        },
        "values": {
            "element": "json",
            "label": "Values",
            "description": f"{VALUES}{_output_words(source)}",
            "default": dict.fromkeys(values_set_by(source)),
            "by_name": True,
        },
    }
    if len(source) > LONGEST_SOURCE:
        del fields["source"]
    return fields


def _is_python(failed: Execution, check: InputCheck) -> bool:
    """Whether its cells are of Python, as far as its notebook and its kernel say."""
    environment = failed.environment
    is_other = environment.is_chosen and environment.kernel_name is not None
    return check.signature.is_python and not is_other


def _output_words(source: str) -> str:
    """That the output of a skipped cell is skipped, too, if its source sets one."""
    return " Its set_output is skipped, too." if SETS_OUTPUT.search(source) else ""


def _button(verb: DecisionVerb, own_fields: Iterable[str]) -> dict[str, Json]:
    return {
        "element": "submit",
        "label": LABELS[verb],
        "description": DESCRIPTIONS[verb],
        "required": [],
        "fields": list(own_fields),
    }


def _cell_label(failure: Failure) -> str:
    number, count = failure.cell_number, failure.cell_count
    return f"Cell {number} of {count}" if number else "The cell"
