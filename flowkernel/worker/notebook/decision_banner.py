"""Cells of an output notebook that say what a person did in its run. Pure.

A decision is kept in the metadata of its cell. The notebook that runs stays as it is: what is
saved is a copy with a Markdown cell above each such cell. Names, sources and values are foreign
text: they are escaped, or stand in a block of code, so that no page takes them for HTML.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from typing import ClassVar

import nbformat

from flowkernel.core.cell_numbers import INJECTED, cell_text
from flowkernel.core.clock import now
from flowkernel.core.interventions import own_inputs
from flowkernel.core.json_record import Json, JsonRecord
from flowkernel.core.models import Decision, DecisionVerb, Execution
from flowkernel.core.notebook_banners import BANNER_TAG, DECISIONS, without_banners
from flowkernel.core.text import one_line, plain_text

LONGEST_BLOCK = 20_000  #: Characters of a difference or of values, inclusive.
INPUTS = "changed_inputs"  #: In the metadata of the notebook.
_MARKDOWN = re.compile(r"([\\`*_\[\]()!|~$#])")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDecision(JsonRecord):
    """A decision on a cell that failed, in the metadata of that cell."""

    left_out: ClassVar[frozenset[str]] = frozenset({"difference", "values"})
    verb: DecisionVerb
    decided_at: datetime
    decided_by: str = ""  #: Empty: no person.
    decided_from: str = ""
    cell_number: int | None = None
    cell_count: int = 0
    difference: str | None = None  #: The edit of its source, as a unified diff.
    values: Json = None  #: That were set instead of running it.

    @property
    def is_edit(self) -> bool:
        """Whether its source was edited."""
        return self.difference is not None

    @property
    def is_plain_retry(self) -> bool:
        """Whether it was retried with the same source."""
        return self.verb is DecisionVerb.RETRY_CELL and not self.is_edit


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedInputs(JsonRecord):
    """That a person changed the inputs of a run, in the metadata of its notebook."""

    changed_by: str
    changed_at: datetime
    before: Json
    after: Json


def decisions_on(cell: nbformat.NotebookNode) -> list[CellDecision]:
    """The decisions on a cell in this run, the earliest first."""
    own = (cell.get("metadata") or {}).get("flowkernel")
    records = own.get(DECISIONS, []) if isinstance(own, dict) else []
    return [CellDecision.from_json(record) for record in records]


def add_decision(
    cell: nbformat.NotebookNode, decision: Decision, number: int | None, count: int
) -> None:
    """Keep a decision in the metadata of its cell."""
    person = decision.decided_by if decision.is_of_person else ""
    record = CellDecision(
        verb=decision.verb,
        # A decision that an older engine recorded does not say when.
        decided_at=decision.decided_at or now(),
        decided_by=person,
        decided_from=decision.decided_from if person else "",
        cell_number=number,
        cell_count=count,
        difference=decision.difference,
        values=decision.values,
    )
    own = cell.metadata.get("flowkernel")
    own = own if isinstance(own, dict) else {}
    records = [*own.get(DECISIONS, []), record.to_json()]
    cell.metadata["flowkernel"] = nbformat.from_dict({**own, DECISIONS: records})


def changed_inputs_of(execution: Execution) -> dict[str, Json]:
    """What the metadata of its notebook says of inputs that a person changed."""
    if not execution.inputs_changed_by:
        return {}
    replaced: dict[str, Json] = execution.replaced_inputs or {}
    changed = ChangedInputs(
        changed_by=execution.inputs_changed_by,
        changed_at=execution.created_at,
        before=replaced,
        after={k: v for k, v in own_inputs(execution).items() if k in replaced},
    )
    return {INPUTS: changed.to_json()}


def remove_decisions(nb: nbformat.NotebookNode) -> None:
    """Remove, in place, what an earlier run left in the notebook: it is run again."""
    nb.cells = without_banners(nb.cells)
    own = nb.metadata.get("flowkernel")
    if isinstance(own, dict):
        own.pop(INPUTS, None)


def with_banners(nb: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with a cell for each decision; the same one if there is none."""
    cells = list(_with_banners(nb))
    if len(cells) == len(nb.cells):
        return nb
    copy = nbformat.NotebookNode(nb)
    copy.cells = cells
    return copy


def _with_banners(nb: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    own = nb.metadata.get("flowkernel")
    inputs = own.get(INPUTS) if isinstance(own, dict) else None
    place = _place_of_inputs(nb) if inputs else None
    for index, cell in enumerate(nb.cells):
        if inputs and index == place:
            yield _banner(inputs_text(ChangedInputs.from_json(inputs)), "inputs")
        for number, decision in enumerate(decisions_on(cell)):
            yield _banner(decision_text(decision), f"{cell.get('id', index)}:{number}")
        yield cell


def _place_of_inputs(nb: nbformat.NotebookNode) -> int:
    """Above the cell with the inputs; without one, above all."""
    for index, cell in enumerate(nb.cells):
        if INJECTED in ((cell.get("metadata") or {}).get("tags") or ()):
            return index
    return 0


def _banner(text: str, key: str) -> nbformat.NotebookNode:
    id_ = f"decision-{sha256(key.encode()).hexdigest()[:12]}"
    metadata = {"tags": [BANNER_TAG]}
    return nbformat.v4.new_markdown_cell(text, id=id_, metadata=metadata)


def decision_text(decision: CellDecision) -> str:
    """A decision in Markdown: who, when, what."""
    cell = cell_text(decision.cell_number, decision.cell_count)
    verb, sentence = _words(decision, cell)
    parts = [f"**{verb}{_by(decision.decided_by)}** {_when(decision)}. {sentence}"]
    if decision.difference:
        parts.append(_block(decision.difference, "diff"))
    if decision.values:
        parts.append(_block(_json(decision.values), "json"))
    return "\n\n".join(parts)


def _words(decision: CellDecision, cell: str) -> tuple[str, str]:
    """What was done, and what it means for the cell below."""
    if decision.verb is DecisionVerb.SKIP:
        tail = " These values were set instead:" if decision.values else ""
        return "Skipped", f"{cell} failed, and the run went on after it.{tail}"
    if decision.is_edit:
        return "Source changed", f"{cell} failed, was edited, and ran again:"
    return "Retried", f"{cell} failed, and ran again unchanged."


def _by(person: str) -> str:
    return f" by {inline_text(person)}" if person else ", not by a person,"


def _when(decision: CellDecision) -> str:
    origin = decision.decided_from
    place = f", from: {inline_text(origin)}" if origin else ""
    return f"{_moment(decision.decided_at)}{place}"


def inputs_text(changed: ChangedInputs) -> str:
    """Changed inputs in Markdown: who, when, from what to what."""
    person, moment = inline_text(changed.changed_by), _moment(changed.changed_at)
    head = f"**Inputs changed by {person}** {moment}, before this run started. Before:"
    blocks = [_block(_json(v), "json") for v in (changed.before, changed.after)]
    return "\n\n".join([head, blocks[0], "Now:", blocks[1]])


def _moment(moment: datetime) -> str:
    return f"on {moment:%Y-%m-%d} at {moment:%H:%M:%S} UTC"


def inline_text(text: str) -> str:
    """Foreign text within a sentence in Markdown: it is shown as it is."""
    return _MARKDOWN.sub(r"\\\1", escape(one_line(text), quote=False))


def _json(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _block(text: str, language: str) -> str:
    """Foreign text as a block of code, which nothing in it can close."""
    text = plain_text(text)
    excerpt = text if len(text) <= LONGEST_BLOCK else text[:LONGEST_BLOCK] + "\n…"
    longest = max(map(len, re.findall("`+", excerpt)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{excerpt}\n{fence}"
