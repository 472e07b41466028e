"""The `handler` of a source: how it is called, and the parameters that it declares. Pure."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, get_origin

from flowkernel.core.annotation_types import is_model, model_fields, type_of
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import FlowKind
from flowkernel.core.parameter_syntax import comments_in, make_parameter
from flowkernel.core.signature import Parameter
from flowkernel.core.source_names import (
    SourceNames,
    names_in,
    statements,
    without_magics,
)

HANDLER = "handler"
#: What a handler gets by its place.
PLACES = ("system", "this", "inputs")
WRITE_THIS = "write handler(system, this) or handler(system, this, inputs)"
#: Annotations of a third argument that is a plain dict.
PLAIN = frozenset({"dict", "Dict", "Mapping", "MutableMapping", "Any", "object"})
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_HANDLER_LINE = re.compile(r"^(async\s+)?def\s+handler\s*\(([^)]*)\)", re.MULTILINE)
#: A line about an argument in a docstring.
_ARGUMENT = re.compile(
    r"^[ \t]+\*{0,2}(\w+) *(?:\([^)]*\))?:[ \t]+(\S.*)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Handler:
    """The last function `handler` of a source."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    names: SourceNames
    comments: dict[int, str]  #: Of the source, by line.

    @property
    def call(self) -> str:
        """The line that calls it."""
        awaits = "await " if isinstance(self.node, ast.AsyncFunctionDef) else ""
        if self.takes_names:
            return (
                f"{awaits}{HANDLER}(system, this, **this.arguments({HANDLER}, inputs))"
            )
        count = 3 if self.node.args.vararg else len(self._places)
        return _plain_call(count, awaits)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What it declares: its arguments, and the fields of the model that it takes."""
        if not self.takes_names:
            return ()
        model = self.names.class_of(self._annotation)
        if model is None or not is_model(model, self.names):
            return tuple(self._arguments())
        fields = model_parameters(model, self.names, self.comments)
        return (*fields, *self._arguments())

    @property
    def takes_others(self) -> bool:
        """Whether it takes any other name, too: in `inputs`, or by `**`."""
        has_inputs = len(self._places) > 2 and not self._is_third_parameter
        return self.node.args.kwarg is not None or (has_inputs and not self._is_typed)

    @property
    def takes_names(self) -> bool:
        """Whether it is called with the names of its arguments."""
        arguments = self.node.args
        if arguments.posonlyargs:
            return False
        has_names = bool(
            arguments.kwonlyargs or arguments.kwarg or len(self._places) > 3
        )
        return has_names or self._is_typed

    @property
    def fault(self) -> str | None:
        """Why it cannot be called, and what to write; None: it can, as far as is seen here."""
        arguments, count = self.node.args, len(self._places)
        if self.node.decorator_list:  # What it takes then is not what stands here.
            return None
        if count < len(PLACES[:2]) and not arguments.vararg:
            number = "one argument" if count else "no argument"
            return f"takes {number} by its place, and gets at least two: {WRITE_THIS}."
        has_more = any(default is None for default in arguments.kw_defaults)
        has_more |= count - len(arguments.defaults) > len(PLACES)
        if arguments.posonlyargs and has_more:
            return "has a `/`, and so its parameters get no values. Leave the `/` out."
        return None

    @property
    def _places(self) -> list[ast.arg]:
        return [*self.node.args.posonlyargs, *self.node.args.args]

    @property
    def _annotation(self) -> ast.expr | None:
        """That of the third argument."""
        return self._places[2].annotation if len(self._places) > 2 else None

    @property
    def _is_typed(self) -> bool:
        """Whether the third argument says that it is no plain dict."""
        node = self._annotation
        if node is None:
            return False
        generic = node.value if isinstance(node, ast.Subscript) else node
        return self.names.known_name(generic) not in PLAIN

    @property
    def _is_third_parameter(self) -> bool:
        """Whether the third argument is one parameter, as `day: date`, and not all inputs."""
        if len(self._places) < 3 or self._places[2].arg == PLACES[2]:
            return False
        hint = type_of(self._annotation, self.names)
        is_object = hint in (Any, dict) or get_origin(hint) is dict
        return not is_object and not is_model(
            self.names.class_of(self._annotation), self.names
        )

    def _arguments(self) -> Iterator[Parameter]:
        """Its arguments but for `system`, `this` and `inputs`."""
        arguments = self.node.args
        defaults = [None] * (len(self._places) - len(arguments.defaults))
        pairs = list(zip(self._places, [*defaults, *arguments.defaults], strict=True))
        pairs = pairs[2 if self._is_third_parameter else 3 :]
        pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        pairs = [pair for pair in pairs if pair[0].arg != PLACES[2]]
        texts = dict(_ARGUMENT.findall(ast.get_docstring(self.node, clean=False) or ""))
        lines = [argument.lineno for argument, _ in pairs]
        for argument, default in pairs:
            is_alone = lines.count(argument.lineno) == 1
            comment = self.comments.get(argument.lineno, "") if is_alone else ""
            parameter = make_parameter(
                argument.arg, argument.annotation, default, self.names, comment
            )
            text = parameter.help or texts.get(argument.arg, "")
            yield replace(parameter, help=text)


def check_handler(name: str, kind: FlowKind, source: str) -> None:
    """Refuse a source whose `handler` cannot be called: else it fails when it runs.

    `name`: of its flow.

    Raises:
        BadArgument: It is so; says what to write.
    """
    handler = find_handler(source) if kind is not FlowKind.NOTEBOOK else None
    if handler is not None and handler.fault is not None:
        raise BadArgument(f"`{HANDLER}` of {name!r} {handler.fault}")


def _plain_call(count: int, awaits: str) -> str:
    return f"{awaits}{HANDLER}({', '.join(PLACES[: max(2, min(count, 3))])})"


def find_handler(source: str, setup: str | None = None) -> Handler | None:
    """The handler that a source defines; None if there is none.

    Args:
        setup: The source that runs before it, whose names it may use.
    """
    if HANDLER not in source:
        return None
    for node in reversed(statements(source)):
        if isinstance(node, _FUNCTIONS) and node.name == HANDLER:
            comments = comments_in(without_magics(source))
            return Handler(node, names_in(setup or "", source), comments)
    return None


def handler_call(source: str, setup: str | None = None) -> str | None:
    """The line that calls the `handler` a source defines; None if it defines none."""
    handler = find_handler(source, setup)
    if handler is not None:
        return handler.call
    match = None if statements(source) else _HANDLER_LINE.search(source)
    if match is None:
        return None
    arguments = [word for word in match[2].split(",") if word.strip()]
    return _plain_call(len(arguments), "await " if match[1] else "")


def model_parameters(
    model: ast.ClassDef, names: SourceNames, comments: dict[int, str]
) -> Iterator[Parameter]:
    """The fields of a pydantic model, as parameters."""
    for node in model_fields(model, names):
        assert isinstance(node.target, ast.Name)
        default, text = node.value, comments.get(node.end_lineno or 0, "")
        if isinstance(default, ast.Call) and names.known_name(default.func) == "Field":
            default, description = _field_default(default)
            text = text or description
        yield make_parameter(node.target.id, node.annotation, default, names, text)


def _field_default(field: ast.Call) -> tuple[ast.expr | None, str]:
    """The default and the description of `Field(...)`."""
    named = {keyword.arg: keyword.value for keyword in field.keywords}
    default = field.args[0] if field.args else named.get("default")
    default = default or named.get("default_factory")
    is_required = isinstance(default, ast.Constant) and default.value is ...
    text = named.get("description")
    description = text.value if isinstance(text, ast.Constant) else ""
    return None if is_required else default, str(description)
