"""What the shell offers to complete: flows, files and parameters. Starts no engine."""

from collections.abc import Iterator
from contextlib import suppress
from glob import escape, iglob
from itertools import islice
from pathlib import Path

from flowkernel.client.client import Client
from flowkernel.client.flow_source import KINDS
from flowkernel.client.target_signature import flow_names, target_signature
from flowkernel.core.errors import FlowkernelError

MAX_FILES = 1_000  #: That are looked at, inclusive.


def complete_flow(incomplete: str) -> list[str]:
    """The flows whose names begin so."""
    with suppress(FlowkernelError, OSError):
        names = flow_names(_client())
        return [name for name in names if name.startswith(incomplete)]
    return []


def complete_target(incomplete: str) -> list[str]:
    """Flows, and files that can be run, whose names begin so."""
    return [*complete_flow(incomplete), *_files(incomplete)]


def _files(incomplete: str) -> Iterator[str]:
    for path in islice(iglob(f"{escape(incomplete)}*"), MAX_FILES):
        if Path(path).is_dir():
            yield f"{path}/"
        elif Path(path).suffix in KINDS:
            yield path


def complete_parameter(target: str | None, incomplete: str) -> list[tuple[str, str]]:
    """The parameters of a target whose names begin so, each with its type and help."""
    if not target:
        return []
    with suppress(FlowkernelError, OSError):
        parameters = target_signature(_client(), target).parameters
        texts = [(p.name, f"{p.type or 'any'}. {p.help}".strip()) for p in parameters]
        return [pair for pair in texts if pair[0].startswith(incomplete)]
    return []


def _client() -> Client:
    client = Client()
    client.starts_engine = False
    return client
