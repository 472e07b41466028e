"""The fields of a prompt for other inputs: every parameter that the flow declares. Pure."""

from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.core.signature import Parameter
from flowkernel.forms.input_check import InputCheck
from flowkernel.forms.input_types import InputType

Fields = dict[str, dict[str, Json]]  #: Of a form, by name.
INPUT = "inputs."  #: The name of a field that is an input begins with it.
#: Characters of an input, as JSON, that can be edited, inclusive.
LONGEST_INPUT = 20_000
MOST_INPUTS = 80  #: That can be edited, inclusive: a form has at most 100 elements.


def input_fields(check: InputCheck, inputs: dict[str, Json]) -> Fields:
    """A field for each parameter, with its type and default; then for the other inputs.

    Args:
        check: Of the version that would run.
        inputs: Those that the run had.
    """
    fields = {p.name: _declared(p, check, inputs) for p in check.signature.parameters}
    for name in inputs.keys() - fields.keys():
        fields[name] = _element_for(inputs[name]) | {"default": inputs[name]}
    order = [*check.types, *(name for name in inputs if name not in check.types)]
    return {
        INPUT + name: {**fields[name], "label": name, "keeps_empty": True}
        for name in order[:MOST_INPUTS]
        if len(dumps(fields[name].get("default"))) <= LONGEST_INPUT
    }


def _declared(
    parameter: Parameter, check: InputCheck, inputs: dict[str, Json]
) -> dict[str, Json]:
    """The field of a parameter: its value, else its default."""
    type_, value = check.types[parameter.name], parameter.default
    value = inputs.get(parameter.name, value)
    words = [parameter.help, *_default_words(parameter, inputs)]
    field = _element_of(type_, value) | {"default": value}
    text = " ".join(word for word in words if word)
    return field | {"description": text} if text else field


def _default_words(parameter: Parameter, inputs: dict[str, Json]) -> list[str]:
    """What follows if the field stays empty, where the default is no value yet."""
    if parameter.name in inputs:
        return []
    if parameter.is_required:
        return ["Required."]
    if parameter.default_source is None:
        return []
    return [f"Empty: {parameter.default_text}."]


def _element_of(type_: InputType, value: Json) -> dict[str, Json]:
    """The element for a type; for one that has none, that for the value."""
    element = type_.element
    if element is None or not type_.takes(value):
        return _element_for(value)
    if element == {"element": "string"} and isinstance(value, str) and "\n" in value:
        return {"element": "textarea"}
    return dict(element)


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
