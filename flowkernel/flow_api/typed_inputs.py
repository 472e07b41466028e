"""The inputs of a flow in its kernel: by name, and as the types that the flow declares."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

from flowkernel.core.json_values import is_number_as_text
from flowkernel.core.models import Json
from flowkernel.flow_api.exceptions import MissingInputError

#: The argument of a handler that is all inputs, wherever it stands.
ALL = "inputs"
#: Types that a dict of inputs has already.
PLAIN = (inspect.Parameter.empty, Any, object, dict)


class Inputs(dict[str, Any]):
    """What `inputs` is in a flow: a dict, whose missing key is a sentence.

    >>> Inputs({"day": "monday"})["day"]
    'monday'
    """

    #: The names that the run was started with; the others have their defaults.
    passed: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        values: dict[str, Json],
        defaults: dict[str, Json] | None = None,
        declarations: Iterable[str] = (),
    ) -> "Inputs":
        """The inputs of an execution.

        Args:
            values: Those it was started with.
            defaults: As the execution has them: those of parameters without an input.
            declarations: Parameters that were declared besides those of the source: their
                values get their types here.
        """
        filled = {k: v["value"] for k, v in (defaults or {}).items() if "value" in v}
        inputs = cls({**filled, **values})
        inputs.passed = frozenset(values)
        if declarations:
            inputs.update(_typed(inputs, declarations))
        return inputs

    def __missing__(self, name: str) -> Any:
        """Say what there is instead."""
        raise MissingInputError(name, self)


def _typed(inputs: Inputs, declarations: Iterable[str]) -> dict[str, Any]:
    from flowkernel.core.annotation_types import parse_annotation, type_of
    from flowkernel.core.parameter_syntax import declared_parameter
    from flowkernel.core.source_names import SourceNames

    hints = {
        parameter.name: type_of(parse_annotation(parameter.type), SourceNames())
        for parameter in map(declared_parameter, declarations)
    }
    return {n: converted(inputs[n], hint) for n, hint in hints.items() if n in inputs}


def call_arguments(
    handler: Callable[..., Any], inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """What a handler gets besides `system` and `this`, by the names of its arguments.

    Raises:
        MissingInputError: It has an argument without a default, and there is no such input.
    """
    arguments: dict[str, Any] = {}
    passed = getattr(inputs, "passed", inputs.keys())
    hints = _hints(handler)
    for index, parameter in enumerate(inspect.signature(handler).parameters.values()):
        name, hint = parameter.name, hints.get(parameter.name, parameter.empty)
        if index < 2 or parameter.kind is parameter.VAR_POSITIONAL:
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments |= {k: v for k, v in inputs.items() if k not in arguments}
        elif name == ALL or (index == 2 and _is_object(parameter, hint)):
            arguments[name] = converted(inputs, hint)
        elif name in passed or parameter.default is parameter.empty:
            arguments[name] = converted(inputs[name], hint)
    return arguments


def _is_object(parameter: inspect.Parameter, hint: Any) -> bool:
    """Whether the third argument of a handler is all inputs, and not one of them."""
    is_by_place = parameter.kind is not parameter.KEYWORD_ONLY
    return is_by_place and (_takes_dict(hint) or _is_record(hint))


def _takes_dict(hint: Any) -> bool:
    generic = get_origin(hint) or hint
    return generic in PLAIN or (
        isinstance(generic, type) and issubclass(generic, Mapping)
    )


def _is_record(hint: Any) -> bool:
    """Whether a type is made of named values: a model of pydantic, a dataclass, ..."""
    return hasattr(hint, "model_validate") or is_dataclass(hint) or is_typeddict(hint)


def _hints(handler: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(handler)
    except Exception:  # A name in an annotation is not defined.
        return {}


def converted(value: Any, hint: Any) -> Any:
    """The value as the type that is declared; unchanged if there is no way to tell how."""
    if value is None or hint is None or hint in PLAIN:
        return value
    generic, parts = get_origin(hint), get_args(hint)
    if generic in (Union, UnionType):
        return _one_of(value, parts)
    if generic is not None and isinstance(value, list):
        return _collection(value, generic, parts)
    if generic is not None and isinstance(value, dict) and len(parts) == 2:
        return {
            converted(k, parts[0]): converted(v, parts[1]) for k, v in value.items()
        }
    is_class = isinstance(hint, type) and type(value) is not hint
    return _instance(value, hint) if is_class else value


def _one_of(value: Any, types: tuple[Any, ...]) -> Any:
    if any(isinstance(value, hint) for hint in types if isinstance(hint, type)):
        return value
    for hint in types:
        try:
            return converted(value, hint)
        except (ValueError, TypeError, ArithmeticError):
            continue
    return value


def _collection(value: list[Any], generic: Any, parts: tuple[Any, ...]) -> Any:
    if generic is tuple and parts[-1:] != (...,):
        return tuple(converted(v, p) for v, p in zip(value, parts, strict=False))
    items = [converted(item, parts[0]) for item in value] if parts else value
    return generic(items) if generic in (tuple, set, frozenset) else items


def _instance(value: Any, cls: Any) -> Any:
    """The value as an instance of a class, from its form in JSON."""
    if hasattr(cls, "model_validate"):
        return cls.model_validate(dict(value) if isinstance(value, dict) else value)
    if isinstance(value, dict) and is_dataclass(cls):
        make: Any = cls
        hints = get_type_hints(cls)
        return make(**{k: converted(v, hints.get(k, Any)) for k, v in value.items()})
    if issubclass(cls, datetime | date | time) and isinstance(value, str):
        is_pandas = cls.__module__.partition(".")[0] == "pandas"
        return cls(value) if is_pandas else cls.fromisoformat(value)
    if issubclass(cls, timedelta) and isinstance(value, int | float):
        return cls(seconds=value)
    is_numpy = cls.__module__ == "numpy" and not isinstance(value, dict)
    if issubclass(cls, Enum | Decimal | UUID | PurePath) or is_numpy:
        return cls(value)
    is_collection = issubclass(cls, tuple | set | frozenset)
    is_number = type(value) is int or is_number_as_text(value)
    if (cls is float and is_number) or (is_collection and value is not None):
        return cls(value)
    return value
