"""From an annotation to a type, without running the code that has it. Pure."""

import ast
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, Union
from uuid import UUID

from flowkernel.core.source_names import SourceNames

#: The types that are known by their names. Any other annotation takes any value.
KNOWN_TYPES: Mapping[str, Any] = {
    **{cls.__name__: cls for cls in (str, int, float, bool, list, dict, tuple, set)},
    **{cls.__name__: cls for cls in (date, datetime, time, timedelta, Decimal, UUID)},
    **{"Path": Path, "PurePath": Path, "PosixPath": Path, "Timestamp": datetime},
    **{"Timedelta": timedelta, "datetime64": datetime, "timedelta64": timedelta},
    **{"List": list, "Dict": dict, "Tuple": tuple, "Set": set, "frozenset": set},
    **{"FrozenSet": set, "Sequence": list, "MutableSequence": list, "Iterable": list},
    **{"Collection": list, "Mapping": dict, "MutableMapping": dict, "bool_": bool},
    **dict.fromkeys(("integer", "intp", "int8", "int16", "int32", "int64"), int),
    **dict.fromkeys(("uint8", "uint16", "uint32", "uint64"), int),
    **dict.fromkeys(("floating", "float16", "float32", "float64", "number"), float),
    **dict.fromkeys(("str_", "LiteralString"), str),
}
ENUMS = frozenset({"Enum", "IntEnum", "StrEnum"})
MODEL = "BaseModel"
MAX_DEPTH = 20  #: Levels of an annotation, inclusive; deeper ones take any value.


def parse_annotation(text: str | None) -> ast.expr | None:
    """The annotation of a text; None if there is none, or it is no expression."""
    try:
        return None if text is None else ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def type_of(
    node: ast.expr | None,
    names: SourceNames,
    known_types: Mapping[str, Any] = KNOWN_TYPES,
    depth: int = 0,
) -> Any:
    """The type that an annotation means; `Any` for one that is not known.

    Args:
        names: What the names in it mean.
        known_types: The types by their names.
        depth: How many levels are above it.
    """
    if depth > MAX_DEPTH:
        return Any

    def inner(part: ast.expr) -> Any:
        return type_of(part, names, known_types, depth + 1)

    match node:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str(text)):
            return type_of(parse_annotation(text), names, known_types, depth + 1)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _union([inner(left), inner(right)])
        case ast.Subscript(value=generic, slice=arguments):
            parts = arguments.elts if isinstance(arguments, ast.Tuple) else [arguments]
            return _generic(names.known_name(generic), parts, inner, known_types)
        case ast.Name() | ast.Attribute():
            class_ = names.class_of(node)
            if class_ is not None:
                return _type_of_class(class_, names, known_types, depth)
            return known_types.get(names.known_name(node) or "", Any)
        case _:
            return Any


def _generic(
    name: str | None, parts: list[ast.expr], inner: Any, known_types: Mapping[str, Any]
) -> Any:
    """The type of `name[parts]`."""
    if name == "Literal":
        return literal_type([p.value for p in parts if isinstance(p, ast.Constant)])
    if name == "Annotated":
        return inner(parts[0])
    if name == "Optional":
        return _union([inner(parts[0]), None])
    if name == "Union":
        return _union([inner(part) for part in parts])
    origin = known_types.get(name or "", Any)
    if origin is dict and len(parts) == 2:
        return _subscripted(dict, [inner(part) for part in parts])
    if origin in (list, set) and len(parts) == 1:
        return _subscripted(origin, [inner(parts[0])])
    if origin is tuple:
        return _subscripted(tuple, [... if _is_dots(p) else inner(p) for p in parts])
    return origin


def _subscripted(generic: Any, parts: list[Any]) -> Any:
    """`generic[parts]`; without the parts, if that has no meaning."""
    try:
        return generic[tuple(parts)]
    except TypeError:
        return generic


def _is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _union(types: list[Any]) -> Any:
    return Any if Any in types else Union[tuple(types)]  # noqa: UP007


def literal_type(values: list[Any]) -> Any:
    """The type of which these are the only values; `Any` if there are none."""
    make: Any = Literal
    return make[tuple(values)] if values else Any


def _type_of_class(
    class_: ast.ClassDef, names: SourceNames, known_types: Mapping[str, Any], depth: int
) -> Any:
    """The type of a class of the source: of an enum its values, of a model its fields."""
    bases = set(names.bases(class_))
    if bases & ENUMS:
        values = enum_values(class_)
        return literal_type(list(values.values())) if values else Any
    if MODEL not in bases:
        return Any
    hints: dict[str, Any] = {}
    for field in model_fields(class_, names):
        hint: Any = type_of(field.annotation, names, known_types, depth + 1)
        hints[_name(field)] = hint if field.value is None else NotRequired[hint]
    make: Any = TypedDict
    return make(class_.name, hints)


def enum_values(class_: ast.ClassDef) -> dict[str, Any]:
    """The members of an enum with their values; none, if one is no literal."""
    values: dict[str, Any] = {}
    for node in class_.body:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if not isinstance(target, ast.Name) or target.id.startswith("_"):
                continue
            if not isinstance(node.value, ast.Constant):
                return {}
            values[target.id] = node.value.value
    return values


def model_fields(class_: ast.ClassDef, names: SourceNames) -> list[ast.AnnAssign]:
    """The fields of a pydantic model, those of the models it is derived from first."""
    fields: dict[str, ast.AnnAssign] = {}
    for base in class_.bases:
        own = names.class_of(base)
        if own is not None and own is not class_:
            fields.update((_name(field), field) for field in model_fields(own, names))
    for node in class_.body:
        if isinstance(node, ast.AnnAssign) and not _is_private(node):
            fields[_name(node)] = node
    return list(fields.values())


def is_model(class_: ast.ClassDef | None, names: SourceNames) -> bool:
    """Whether a class is a pydantic model."""
    return class_ is not None and MODEL in names.bases(class_)


def _name(field: ast.AnnAssign) -> str:
    return field.target.id if isinstance(field.target, ast.Name) else ""


def _is_private(field: ast.AnnAssign) -> bool:
    if not isinstance(field.target, ast.Name):
        return True
    is_class_variable = "ClassVar" in ast.unparse(field.annotation)
    return (
        _name(field).startswith("_")
        or _name(field) == "model_config"
        or is_class_variable
    )
