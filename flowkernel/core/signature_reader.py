"""The signature of a flow version, read from its source. Nothing of it is run. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from flowkernel.core.handler_source import find_handler
from flowkernel.core.models import FlowKind, Json
from flowkernel.core.parameter_syntax import assigned_parameters, declared_parameter
from flowkernel.core.signature import Signature
from flowkernel.core.source_names import names_in

TAG = "parameters"  #: Of the cell of a notebook whose names are its parameters.
NO_SIGNATURE = Signature()


def read_signature(
    kind: FlowKind,
    source: str,
    *,
    setup: str | None = None,
    declarations: Sequence[str] = (),
) -> Signature:
    """What a source declares; a signature without parameters if it takes anything.

    Args:
        setup: The source that runs before it.
        declarations: Parameters that were declared besides, as `--param` takes them.

    Raises:
        BadArgument: One of `declarations` is wrong.
    """
    own = _own_signature(kind, source, setup)
    if not declarations:
        return own
    by_name = {p.name: p for p in map(declared_parameter, declarations)}
    own_parameters = [p for p in own.parameters if p.name not in by_name]
    return replace(own, parameters=(*by_name.values(), *own_parameters))


def _own_signature(kind: FlowKind, source: str, setup: str | None) -> Signature:
    if kind is FlowKind.NOTEBOOK:
        return _notebook_signature(source)
    handler = find_handler(source, setup)
    if handler is None or not handler.parameters:
        return NO_SIGNATURE
    return Signature(
        parameters=handler.parameters,
        takes_others=handler.takes_others,
        names=handler.names,
    )


def _notebook_signature(source: str) -> Signature:
    """What the first cell with the tag `parameters` sets, in a notebook of Python."""
    try:
        notebook = json.loads(source)
        cells = list(_code_cells(notebook))
    except (ValueError, RecursionError, TypeError, AttributeError):
        return NO_SIGNATURE
    if not _is_python(notebook.get("metadata") or {}):
        return Signature(is_python=False)
    tagged = [text for text, tags in cells if TAG in tags]
    if not tagged:
        return Signature(makes_variables=True)
    names = names_in(*(text for text, _ in cells))
    parameters = assigned_parameters(tagged[0], names)
    return Signature(parameters=parameters, names=names, makes_variables=True)


def _code_cells(notebook: Json) -> Iterator[tuple[str, Sequence[str]]]:
    """The source and the tags of each code cell."""
    for cell in notebook.get("cells") or ():
        if cell.get("cell_type") == "code":
            source = cell.get("source") or ""
            text = source if isinstance(source, str) else "".join(source)
            yield text, (cell.get("metadata") or {}).get("tags") or ()


def _is_python(metadata: Json) -> bool:
    """Whether a notebook is of Python, as far as it says of what it is."""
    kernelspec = metadata.get("kernelspec") or {}
    language = kernelspec.get("language") or (metadata.get("language_info") or {}).get(
        "name"
    )
    return str(language or "python").lower() in ("python", "ipython", "python3")
