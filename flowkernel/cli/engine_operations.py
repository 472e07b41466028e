"""What the `flowkernel engine` commands do, and how the engine is, in sentences."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flowkernel.cli.cli_client import make_client, waiting
from flowkernel.cli.exit_codes import NO_ENGINE, SUCCESS
from flowkernel.cli.output import OutputForm, print_json, print_record, print_text
from flowkernel.cli.termination import interrupted_with
from flowkernel.client import engine_launcher
from flowkernel.client.engine_launcher import EngineState
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import EngineUnreachable
from flowkernel.core.process_id import is_alive
from flowkernel.display.wait_note import WaitNote
from flowkernel.home import EngineFile, Home, find_home, home_error

#: How long a stopping engine may take to write and close.
STOP_SECONDS = 30.0
STOP_ACCEPTED = (
    "Interrupted. The engine (process {pid}) is stopping: it has accepted that, or has ended. "
    "`flowkernel engine status` shows it."
)
#: What each state means, and what to do about it.
SENTENCES: Mapping[EngineState, tuple[str, str]] = {
    EngineState.NONE: (
        "No engine is running.",
        "The next command that needs it starts it.",
    ),
    EngineState.ANSWERS: (
        "The engine runs (process {pid}, version {version}) at {url}.",
        "",
    ),
    EngineState.STALE: (
        "No engine is running: the last one (process {pid}) was killed.",
        "Nothing recorded is lost; the next command that needs it starts one.",
    ),
    EngineState.RECYCLED: (
        "No engine is running: it was killed; another program has its process id {pid}.",
        "Nothing recorded is lost; the next command starts an engine.",
    ),
    EngineState.BROKEN: (
        "engine.json cannot be read, so the address of the engine is not known.",
        "`flowkernel engine start` replaces {file} if no engine is running.",
    ),
    EngineState.SILENT: (
        "The engine (process {pid}) is there and does not answer.",
        "Look at {log}; `kill -9 {pid}` is safe: nothing recorded is lost.",
    ),
    EngineState.STRANGER: (
        "What answers at {url} does not know the token of this home.",
        "Look at {log}; `flowkernel engine start` starts an engine for this home.",
    ),
}
#: A person must do something about these.
TROUBLE = frozenset({EngineState.BROKEN, EngineState.SILENT, EngineState.STRANGER})


def look(
    home: Home, note: WaitNote | None = None
) -> tuple[EngineState, EngineFile | None]:
    """As `engine_launcher.inspect_engine`. `note`: as for `waiting`.

    Raises:
        HomeNotWritable: The home cannot even be read.
    """
    try:
        with waiting("Waiting for the engine", note):
            return engine_launcher.inspect_engine(home)
    except OSError as error:
        raise home_error(home.path, error) from error


def describe(
    home: Home, state: EngineState, engine: EngineFile | None
) -> tuple[str, str]:
    """What the state means, and what to do about it; "" if nothing."""
    facts = {
        "pid": engine.pid if engine else "",
        "url": engine.url if engine else "",
        "version": engine.version if engine else "",
        "file": home.engine_file,
        "log": home.log / "engine.log",
    }
    is_down = state in (EngineState.NONE, EngineState.STALE, EngineState.RECYCLED)
    if is_down and engine_launcher.is_starting(home):
        return "An engine is just starting.", ""
    sentence, advice = SENTENCES[state]
    return sentence.format(**facts), advice.format(**facts)


def show_engine(form: OutputForm) -> int:
    """Print how the engine is, without starting it."""
    home = find_home()
    state, engine = look(home)
    load: Mapping[str, Any] = {}
    if state is EngineState.ANSWERS:
        with suppress(EngineUnreachable):  # It has just ended.
            load = make_client(starts_engine=False).get("/engine")
    if form is not OutputForm.TEXT:
        record = {"found": state.value, "home": str(home.path), **load}
        print_record(record, form, list(record))
    else:
        sentence, advice = describe(home, state, engine)
        print_text(f"{sentence} {advice}".strip() + f"\nHome: {home.path}")
        if load:
            print_text(
                f"{load['running']} of {load['slots']} slots in use, {load['waiting']} "
                f"runs waiting, {load['queued']} queued; workers: {load['workers']}."
            )
        if load.get("queue_reason"):
            print_text(f"What is queued: {load['queue_reason']}")
        if load.get("is_erasing"):
            print_text("What was deleted is being removed from the files of the home.")
        for task in load.get("failed_tasks", ()):
            print_text(describe_task(task))
        if load.get("worker_trouble"):
            print_text(load["worker_trouble"])
    return NO_ENGINE if state in TROUBLE else SUCCESS


def describe_task(task: Mapping[str, Any]) -> str:
    """A sentence about a background task of the engine that has failed."""
    state = "fails" if task["is_failing"] else "failed, and goes on again"
    return (
        f"The background task {task['name']!r} {state} ({task['failures']} times since "
        f"the engine started): {task['last_error']}"
    )


def start_engine(*, as_json: bool) -> None:
    """Start the engine, if it does not run."""
    home = find_home()
    was_running = look(home)[0] is EngineState.ANSWERS
    engine = make_client().ensure_engine()
    if as_json:
        print_json({"url": engine.url, "pid": engine.pid, "was_running": was_running})
    else:
        verb = "ran already" if was_running else "is started"
        print_text(
            f"The engine {verb} (process {engine.pid}) at {engine.url}.\nHome: {home.path}"
        )


def stop_engine(*, force: bool, as_json: bool) -> None:
    """Stop the engine and wait until it has ended.

    Raises:
        EngineUnreachable: It does not answer, or does not end.
        BadArgument: Runs are under way, and it is not forced.
    """
    home = find_home()
    state, engine = look(home)
    if state in TROUBLE:
        raise EngineUnreachable(" ".join(describe(home, state, engine)))
    if state is not EngineState.ANSWERS or engine is None:
        _print_stopped("No engine is running.", was_running=False, as_json=as_json)
        return
    client = make_client(starts_engine=False)
    with suppress(EngineUnreachable):  # It may end before it has answered.
        client.post("/engine/stop", {"force": force})
    client.close()
    sentence = STOP_ACCEPTED.format(pid=engine.pid)
    with interrupted_with(sentence), client.note.shown("Stopping the engine"):
        wait_until_ended(home, engine)
    _print_stopped(
        f"Stopped the engine (process {engine.pid}).", was_running=True, as_json=as_json
    )


def wait_until_ended(home: Home, engine: EngineFile) -> None:
    """Wait for the process of an engine; another one may start in the home meanwhile.

    Raises:
        EngineUnreachable: It does not end.
    """
    deadline = monotonic() + STOP_SECONDS
    while is_alive(engine.pid, engine.process_started_at):
        if monotonic() > deadline:
            raise EngineUnreachable(
                f"The engine (process {engine.pid}) did not stop in {STOP_SECONDS:g} s. "
                f"Look at {home.log / 'engine.log'}; `kill -9 {engine.pid}` is safe."
            )
        time.sleep(engine_launcher.LOOK_EVERY)


def _print_stopped(sentence: str, *, was_running: bool, as_json: bool) -> None:
    if as_json:
        print_json({"was_running": was_running})
    else:
        print_text(sentence)
