"""Inputs of a notebook that arrive as the types that its parameters have. Pure.

papermill writes the JSON of each input into a cell. The lines here follow it, and make a day of
the text of a day. A name is never imported into the notebook: it may be used there.
"""

import ast
from collections.abc import Iterator, Mapping

import nbformat

from flowkernel.core.annotation_types import KNOWN_TYPES, parse_annotation
from flowkernel.core.cell_numbers import INJECTED
from flowkernel.core.json_values import is_number_as_text
from flowkernel.core.models import FlowKind, FlowVersion, Json
from flowkernel.core.signature import Parameter
from flowkernel.core.signature_reader import read_signature
from flowkernel.core.source_names import SourceNames

_DATETIME = '__import__("datetime")'
_PANDAS = '__import__("pandas")'
#: What makes a value of the type of this name from its JSON.
CONVERSIONS: Mapping[str, str] = {
    "date": _DATETIME + ".date.fromisoformat({})",
    "datetime": _DATETIME + ".datetime.fromisoformat({})",
    "time": _DATETIME + ".time.fromisoformat({})",
    "timedelta": _DATETIME + ".timedelta(seconds={})",
    "Decimal": '__import__("decimal").Decimal({})',
    "UUID": '__import__("uuid").UUID({})',
    "Path": '__import__("pathlib").Path({})',
    "PurePath": '__import__("pathlib").PurePath({})',
    "Timestamp": _PANDAS + ".Timestamp({})",
    "Timedelta": _PANDAS + ".Timedelta(seconds={})",
    "tuple": "tuple({})",
    "set": "set({})",
    "frozenset": "frozenset({})",
}
#: Of a number that came as text, for JSON does not have it: "nan", "inf", "-inf".
_FLOAT = "float({})"


def conversions(version: FlowVersion, inputs: dict[str, Json]) -> list[str]:
    """The lines that convert the inputs of a notebook; none, if JSON has all their types."""
    if version.kind is not FlowKind.NOTEBOOK or not inputs:
        return []
    signature = read_signature(version.kind, version.source)
    return list(_lines(signature.by_name, signature.names, inputs))


def _lines(
    parameters: Mapping[str, Parameter], names: SourceNames, inputs: dict[str, Json]
) -> Iterator[str]:
    for name, value in inputs.items():
        parameter = parameters.get(name)
        node = parse_annotation(parameter.type) if parameter is not None else None
        expression = _expression(node, names, value) if value is not None else None
        if expression is not None:
            yield f"{name} = {expression.format(name)}"


def _expression(node: ast.expr | None, names: SourceNames, value: Json) -> str | None:
    """What makes a value of a type; None: JSON has the type, or it is not known."""
    match node:
        case (
            ast.BinOp(left=part, right=ast.Constant(value=None))
            | ast.BinOp(left=ast.Constant(value=None), right=part)
        ):
            return _expression(part, names, value)
        case ast.Subscript(value=generic, slice=part):
            is_optional = names.known_name(generic) == "Optional"
            return _expression(part if is_optional else generic, names, value)
        case ast.Name() | ast.Attribute():
            class_ = names.class_of(node)
            if class_ is not None:
                is_enum = any("Enum" in base for base in names.bases(class_))
                return f"{class_.name}({{}})" if is_enum else None
            name = names.known_name(node) or ""
            if is_number_as_text(value) and KNOWN_TYPES.get(name) in (int, float):
                return _FLOAT
            return CONVERSIONS.get(name)
        case _:
            return None


def add_conversions(notebook: nbformat.NotebookNode, lines: list[str]) -> None:
    """Add lines to the cell with the inputs."""
    for cell in notebook.cells if lines else ():
        if INJECTED in cell.metadata.get("tags", ()):
            cell.source = "\n".join([cell.source.rstrip("\n"), *lines])
            return
