"""What the shell offers to complete: flows, files, ids and parameters. Starts no engine."""

from collections.abc import Iterator
from contextlib import suppress
from glob import escape, iglob
from itertools import islice
from pathlib import Path

from flowkernel.client.client import Client
from flowkernel.client.flow_source import KINDS
from flowkernel.client.quick_look import QuickClient
from flowkernel.client.target_signature import flow_names, target_signature
from flowkernel.client.wrapper_options import shipped_wrappers
from flowkernel.core.clock import short_id
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Execution, Json
from flowkernel.core.text import one_line
from flowkernel.display.columns import brief_moment_text
from flowkernel.forms.form import Form

MAX_FILES = 1_000  #: That are looked at, inclusive.
MAX_RUNS = 100  #: The same of runs and messages: the newest.
#: By which a message is known here: its id, and those of runs.
ID_FIELDS = ("message_id", "execution_id", "about_id", "root_id")


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


def complete_wrapper(incomplete: str) -> list[str]:
    """The wrappers whose names begin so: those of flowkernel, and those of this home."""
    names = set(shipped_wrappers())
    with suppress(FlowkernelError, OSError):
        names |= {flow.name for flow in _client().list_flows() if flow.is_wrapper}
    return sorted(name for name in names if name.startswith(incomplete))


def complete_run(
    incomplete: str, *, is_ended: bool | None = None
) -> list[tuple[str, str]]:
    """The latest runs whose ids begin so, each with its flow, its status, and when.

    Where nothing is typed yet, those that no other run started.

    Args:
        is_ended: Only those that have ended, or only those that have not.
    """
    level = None if incomplete else "root"
    with suppress(FlowkernelError, OSError):
        executions = _client().list_executions(
            level=level, is_ended=is_ended, limit=MAX_RUNS
        )
        pairs = [(short_id(e.execution_id), _run_text(e)) for e in executions]
        return [pair for pair in pairs if pair[0].startswith(incomplete)]
    return []


def _run_text(execution: Execution) -> str:
    name, moment = one_line(execution.name, 40), brief_moment_text(execution.created_at)
    return f"{name}, {execution.status.label}, {moment}"


def complete_message(incomplete: str) -> list[tuple[str, str]]:
    """The messages that wait for an answer and whose ids begin so, each with its subject."""
    with suppress(FlowkernelError, OSError):
        records = _client().get_list("/message", limit=MAX_RUNS, is_open=True)
        pairs = [(short_id(r["message_id"]), one_line(r["subject"])) for r in records]
        return [pair for pair in pairs if pair[0].startswith(incomplete)]
    return []


def complete_button(message_id: str | None, incomplete: str) -> list[tuple[str, str]]:
    """The buttons of a message whose names begin so, each with its label."""
    if not message_id:
        return []
    with suppress(FlowkernelError, OSError):
        # Not by its id: for that of a run, the engine notes what a person was shown.
        records = _client().get_list("/message", limit=MAX_RUNS, is_open=True)
        matching = [r for r in records if _is_meant(message_id.lower(), r)]
        bodies = [r["body"] for r in matching if len(matching) == 1 and r["body"]]
        buttons = [button for body in bodies for button in Form.of(body).buttons]
        return [(b.name, b.label) for b in buttons if b.name.startswith(incomplete)]
    return []


def _is_meant(part: str, record: dict[str, Json]) -> bool:
    """Whether a person who typed `part` means this message, or a run that it is of."""
    ids = (record[name] or "" for name in ID_FIELDS)
    return any(id_.startswith(part) or id_.endswith(part) for id_ in ids)


def _client() -> Client:
    return QuickClient()
