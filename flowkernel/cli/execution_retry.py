"""What `flowkernel execution retry` does: which source, a new run, and its progress."""

from typing import Any

from flowkernel.api import as_object
from flowkernel.cli.cli_client import (
    CommandClient,
    is_interactive,
    make_client,
    waiting,
)
from flowkernel.cli.exit_codes import SUCCESS
from flowkernel.cli.output import print_json, print_note, print_text
from flowkernel.cli.run_output import watch_run
from flowkernel.cli.termination import termination
from flowkernel.client.current_source import (
    CurrentSource,
    current_source,
    known_source,
    recorded_fields,
)
from flowkernel.core.clock import short_id
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Execution, Json
from flowkernel.core.status import RetrySource
from flowkernel.core.suggestions import suggestion
from flowkernel.core.variables import names_text

#: What a person sees while a notebook that is text is read, which takes a second.
READING = "Reading the source"
SOURCES = "current: run it as it is now; recorded: run again what ran then."
UNDECIDED = "Nothing was started. Say --source current or --source recorded."


def retry_run(
    execution_id: str,
    source_word: str | None,
    *,
    waits: bool,
    detaches: bool,
    as_json: bool,
) -> int:
    """Start a run again; wait for its end, and return the exit code that says how it ended.

    Raises:
        BadArgument: There is no such kind of source.
        FlowNotFound, FileMissing: The current source is requested, and there is none.
    """
    choice = parse_source(source_word)
    client = make_client()
    previous = client.get_execution(execution_id)
    fields = _source_fields(client, previous, choice, is_quiet=as_json)
    with termination() as request:
        client.termination = request
        request.hold()
        record = client.act(previous.execution_id, "retry", **fields)
        _note_missing_variables(previous, record)
        if not waits:
            _print_started(record, as_json=as_json)
            return SUCCESS
        options: dict[str, Any] = {"termination": request, "detaches": detaches}
        execution = as_object(client, record.to_json())
        return watch_run(client, execution, as_json=as_json, **options)


def parse_source(word: str | None) -> RetrySource | None:
    """The kind of source that a person means; None for None.

    Raises:
        BadArgument: There is no such kind.
    """
    if word is None or word in list(RetrySource):
        return RetrySource(word) if word else None
    kinds = [str(source) for source in RetrySource]
    advice = suggestion(word, kinds, otherwise=f"It takes {' or '.join(kinds)}.")
    raise BadArgument(f"--source is {word!r}. {advice}")


def _source_fields(
    client: CommandClient,
    previous: Execution,
    choice: RetrySource | None,
    *,
    is_quiet: bool,
) -> dict[str, Json]:
    """What the request says of the source. What it is, and why, is said to the person."""
    if choice is RetrySource.CURRENT:
        with waiting(READING, client.note):
            source = current_source(client, previous)
        if not is_quiet:
            print_note(f"It runs {source.place} as it is now.")
        return source.retry_fields()
    with waiting(READING, client.note):
        change = known_source(client, previous) if previous.status.is_ended else None
    is_asked = change is not None and change.has_changed and choice is None
    if change is not None and is_asked and not is_quiet and takes_current(change):
        return change.retry_fields()
    return recorded_fields(previous)


def takes_current(source: CurrentSource) -> bool:
    """Whether a person wants the current source; without a person, it is said what is taken."""
    changed = (
        f"{source.place[:1].upper()}{source.place[1:]} has changed since that run."
    )
    if not is_interactive():
        print_note(
            f"{changed} This run takes the recorded source; --source current takes it as it "
            "is now."
        )
        return False
    return _ask_source(changed) is RetrySource.CURRENT


def _ask_source(changed: str) -> RetrySource:
    """Ask which source runs, until it is one of them: neither is taken without a word.

    Raises:
        BadArgument: The person does not answer.
    """
    print_note(f"{changed} {SOURCES}")
    while True:
        try:
            word = input(f"{' or '.join(RetrySource)} > ").strip().lower()
        except EOFError:
            print()  # The terminal has not ended the line.
            raise BadArgument(UNDECIDED) from None
        if word in list(RetrySource):
            return RetrySource(word)
        print_note(f"Type {' or '.join(RetrySource)}. {SOURCES}")


def _print_started(execution: Execution, *, as_json: bool) -> None:
    if as_json:
        print_json(execution.to_json())
        return
    short = short_id(execution.execution_id)
    print_text(
        f"Started {execution.name!r} again as {short}. "
        f"`flowkernel execution tree {short}` shows it."
    )


def _note_missing_variables(previous: Execution, execution: Execution) -> None:
    """Say it, if the first try saw environment variables that this process does not have."""
    earlier, current = (
        e.variables.names if e.variables else None for e in (previous, execution)
    )
    missing = [name for name in earlier or [] if name not in (current or [])]
    if missing and current is not None:
        print_note(
            f"The earlier run saw {names_text(missing)}. This terminal does not have that, "
            "and the new run sees the environment variables of this terminal."
        )
