"""What declares a parameter in Python: an assignment, an argument, a field. Pure.

Nothing is run: a default is a literal, or a known type made of literals, or only its source.
"""

import ast
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

from flowkernel.core.annotation_types import enum_values
from flowkernel.core.errors import BadArgument, BadValue
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Json
from flowkernel.core.signature import Parameter
from flowkernel.core.source_names import SourceNames, statements, without_magics

#: Types whose value is known without running the source, if they are made of literals.
CONSTRUCTORS: Mapping[str, Callable[..., Any]] = {
    **{cls.__name__: cls for cls in (date, datetime, time, timedelta, Decimal, UUID)},
    **{"Path": Path, "PurePath": Path, "Timestamp": datetime.fromisoformat},
}
#: Defaults of `--param` that are worked out when a run starts, and their types.
WORDS = {"today": "date", "now": "datetime"}
TYPE_COMMENT = "type:"
UNKNOWN = "..."  #: Shown for a default of which only its place is known.


@dataclass(frozen=True, slots=True)
class Default:
    """A default, as far as it is known without running it."""

    value: Json = None
    source: str | None = None  #: As it is written, if it has no JSON form.
    type: str | None = None  #: The name of its type; None: not known, or any.


def default_of(node: ast.expr, names: SourceNames) -> Default:
    """What a default is."""
    source = ast.unparse(node)
    try:
        return _literal(ast.literal_eval(node), source)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if isinstance(node, ast.Attribute):
        return _member(node, names) or Default(source=source)
    return _call(node, names) if isinstance(node, ast.Call) else Default(source=source)


def _literal(value: object, source: str) -> Default:
    type_name = None if value is None else type(value).__name__
    try:
        return Default(plain_json(value, "default"), type=type_name)
    except BadValue:
        return Default(source=source, type=type_name)


def _member(node: ast.Attribute, names: SourceNames) -> Default | None:
    """A member of an enum of the source."""
    class_ = names.class_of(node.value)
    values = enum_values(class_) if class_ is not None else {}
    if class_ is None or node.attr not in values:
        return None
    return Default(values[node.attr], type=class_.name)


def _call(node: ast.Call, names: SourceNames) -> Default:
    """`date(2026, 1, 1)`, whose value is known; or `date.today()`, whose type is."""
    source = ast.unparse(node)
    name = names.known_name(node.func)
    if name is not None and name in CONSTRUCTORS:
        try:
            arguments = [ast.literal_eval(argument) for argument in node.args]
            named = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
            value = plain_json(CONSTRUCTORS[name](*arguments, **named), "default")
        except (ValueError, TypeError, OverflowError, InvalidOperation, BadValue):
            return Default(source=source, type=name)
        return Default(value, type=name)
    if isinstance(node.func, ast.Attribute):  # A class method, such as `date.today`.
        name = names.known_name(node.func.value)
    return Default(source=source, type=name if name in CONSTRUCTORS else None)


def make_parameter(
    name: str,
    annotation: ast.expr | None,
    default: ast.expr | None,
    names: SourceNames,
    text: str = "",
) -> Parameter:
    """A parameter of its parts.

    Args:
        text: The comment behind it.
    """
    type_name, text = _split_comment(text)
    if annotation is not None:
        is_quoted = isinstance(annotation, ast.Constant) and annotation.value
        type_name = str(is_quoted or ast.unparse(annotation))
    if default is None:
        return Parameter(name=name, type=type_name, is_required=True, help=text)
    value = default_of(default, names)
    return Parameter(
        name=name,
        type=type_name or value.type,
        is_inferred=type_name is None,
        default=value.value,
        default_source=value.source,
        help=text,
    )


def _split_comment(text: str) -> tuple[str | None, str]:
    """The type and the help of a comment, as `# type: int  How many`."""
    text = text.removeprefix("#").strip()
    if not text.startswith(TYPE_COMMENT):
        return None, text
    type_name, _, help_text = text.removeprefix(TYPE_COMMENT).strip().partition(" ")
    return type_name or None, help_text.strip()


def comments_in(source: str) -> dict[int, str]:
    """The comments of a source by the number of their line, as far as it can be read."""
    comments: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                comments[token.start[0]] = token.string
    except (tokenize.TokenError, SyntaxError):
        pass
    return comments


def assigned_parameters(source: str, names: SourceNames) -> tuple[Parameter, ...]:
    """What a cell of parameters declares: the names that it sets, each once."""
    comments = comments_in(without_magics(source))
    parameters: dict[str, Parameter] = {}
    for node in statements(source):
        text = comments.get(node.end_lineno or 0, "")
        for parameter in _set_by(node, names, text):
            parameters.setdefault(parameter.name, parameter)
    return tuple(parameters.values())


def _set_by(node: ast.stmt, names: SourceNames, text: str) -> Iterator[Parameter]:
    match node:
        case ast.AnnAssign(
            target=ast.Name(id=name), annotation=annotation, value=value
        ):
            yield make_parameter(name, annotation, value, names, text)
        case ast.Assign(targets=targets, value=value) if all(
            isinstance(target, ast.Name) for target in targets
        ):
            for target in targets:
                assert isinstance(target, ast.Name)
                yield make_parameter(target.id, None, value, names, text)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return
        case _:  # `a, b = 1, 2`, or in an `if`: it has an effect, so it is a parameter.
            for part in ast.walk(node):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    yield Parameter(name=part.id, default_source=UNKNOWN)


def declared_parameter(text: str) -> Parameter:
    """The parameter of `--param "day: date = today  # The day"`.

    Raises:
        BadArgument: It is not `NAME`, `NAME: TYPE`, `NAME = DEFAULT` or both.
    """
    names = SourceNames()
    comment = comments_in(text).get(1, "")
    try:
        [node] = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadArgument(_not_declared(text)) from error
    match node:
        case ast.Expr(value=ast.Name(id=name)):
            return make_parameter(name, None, None, names, comment)
        case ast.AnnAssign(
            target=ast.Name(id=name), annotation=annotation, value=value
        ):
            return _with_word(name, annotation, value, comment, text)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return _with_word(name, None, value, comment, text)
    raise BadArgument(_not_declared(text))


def _with_word(
    name: str,
    annotation: ast.expr | None,
    default: ast.expr | None,
    comment: str,
    text: str,
) -> Parameter:
    """A parameter whose default may be a word: `today`, `now`, or any text."""
    names = SourceNames()
    if not isinstance(default, ast.Name):
        parameter = make_parameter(name, annotation, default, names, comment)
        if parameter.default_source is not None:
            raise BadArgument(
                f"The default {parameter.default_source} in {text!r} is no literal: write "
                "text, a number, `today` or `now`."
            )
        return parameter
    word = default.id
    parameter = make_parameter(name, annotation, ast.Constant(word), names, comment)
    if word not in WORDS or (annotation is not None and parameter.type == "str"):
        return parameter
    type_name = WORDS[word] if annotation is None else parameter.type
    return replace(
        parameter,
        type=type_name,
        is_inferred=False,
        default=None,
        default_source=word,
        is_at_start=True,
    )


def _not_declared(text: str) -> str:
    return (
        f"{text!r} does not declare a parameter. Write a name, its type and its default, as in "
        '"day: date = today"; type and default can be left out.'
    )
