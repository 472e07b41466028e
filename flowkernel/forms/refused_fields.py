"""Which fields of a form the engine has refused: its sentence names them. Pure."""

from collections.abc import Iterable

from flowkernel.core.errors import BadInputs
from flowkernel.forms.base_field import Field
from flowkernel.forms.form import NOT_FILLED_IN

#: What follows the label of a field in a sentence about its value.
VERBS = (" is ", " must ", " has ", " does ", " cannot ", ":")


def refused_fields(sentence: str, fields: Iterable[Field]) -> list[Field]:
    """The fields that a refusal is about; none, if it names none of them.

    Args:
        sentence: That of a `BadAnswer`.
    """
    _, sign, problems = sentence.partition(BadInputs.words)
    if sign:
        return [field for field in fields if f"{field.label!r} is " in problems]
    _, sign, labels = sentence.partition(NOT_FILLED_IN)
    if sign:
        names = labels.removesuffix(".").split(", ")
        return [field for field in fields if field.label in names]
    return [field for field in fields if _begins_with(sentence, field.label)]


def _begins_with(sentence: str, label: str) -> bool:
    """Whether a sentence is about a field: `Rows is 0; ...`, `Day: ...`."""
    tail = sentence.removeprefix(label)
    return tail != sentence and tail.startswith(VERBS)
