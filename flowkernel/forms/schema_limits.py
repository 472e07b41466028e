"""The limits of a property, as JSON Schema has them: are they valid, does a value fit. Pure.

jsonschema is imported when there is a limit to check: beside JupyterLab it brings a grammar
whose import takes longer than all else that an engine imports.
"""

from collections.abc import Mapping
from typing import Any

import regex

from flowkernel.core.errors import BadForm
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json

PATTERN_SECONDS = 0.5  #: The longest that one pattern may search.
MAX_SHOWN = 60  #: Characters of a value that a sentence shows, inclusive.
#: Keywords of a JSON schema that mean the same in a form. `pattern` is checked apart.
LIMITS = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
    }
)


def check_limits(name: str, schema: Mapping[str, Json]) -> None:
    """Refuse limits that are not valid JSON Schema.

    Raises:
        BadForm: Names the property at fault.
    """
    if limits := _limits(schema):
        _check_schema(name, limits)
    if "pattern" in schema:
        try:
            regex.compile(schema["pattern"])
        except (regex.error, TypeError) as error:
            raise BadForm(
                f"The pattern of {name!r} cannot be read: {error}."
            ) from error


def _check_schema(name: str, limits: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(limits)
    except SchemaError as error:
        raise BadForm(f"{name!r}: {error.message}.") from error


def limit_error(schema: Mapping[str, Json], value: Json) -> str | None:
    """Why a value is outside the limits, as the end of a sentence; None if it fits."""
    if isinstance(value, str) and "pattern" in schema:
        error_text = _pattern_error(schema, value)
        if error_text is not None:
            return error_text
    limits = _limits(schema)
    return _schema_error(limits, value) if limits else None


def _schema_error(limits: dict[str, Any], value: Json) -> str | None:
    from jsonschema import Draft202012Validator

    try:
        for error in Draft202012Validator(limits).iter_errors(value):
            return f": {error.message}"
    except ArithmeticError:  # A number that no float can hold.
        return f" is {shortened_json(value)}, which is too large"
    return None


def _pattern_error(schema: Mapping[str, Json], text: str) -> str | None:
    pattern = schema["pattern"]
    try:
        match = regex.search(pattern, text, timeout=PATTERN_SECONDS, concurrent=True)
    except TimeoutError:
        return " cannot be checked: the pattern of its form takes too long"
    if match is not None:
        return None
    example = schema.get("example")
    model = pattern if example is None else example
    return f" is {shortened_json(text)}; write it like {model}"


def _limits(schema: Mapping[str, Json]) -> dict[str, Any]:
    return {keyword: value for keyword, value in schema.items() if keyword in LIMITS}


def shortened_json(value: Json) -> str:
    """A value in a sentence: as JSON, because that is how it was given."""
    text = dumps(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
