"""`flowkernel engine ...`: how the engine is, in words."""

import time
from contextlib import suppress

from flowkernel.cli.exit_codes import NO_ENGINE, SUCCESS
from flowkernel.cli.output import say, say_json
from flowkernel.cli.session import client
from flowkernel.client import engine_launcher
from flowkernel.client.engine_launcher import EngineState
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import EngineUnreachable
from flowkernel.home import EngineFile, Home, find_home, home_error

STOP_SECONDS = 30.0  #: How long a stopping engine may take to write and close.
#: Each state of `engine_launcher.inspect_engine`, for people; ADVICE has what to do.
SENTENCES = {
    EngineState.NONE: "No engine is running.",
    EngineState.ANSWERS: "The engine runs (process {pid}, version {version}) at {url}.",
    EngineState.STALE: "No engine is running: the last one (process {pid}) was killed.",
    EngineState.RECYCLED: (
        "No engine is running: the last one was killed, and another program has its "
        "process id {pid} now."
    ),
    EngineState.BROKEN: "engine.json cannot be read, so the engine's address is not known.",
    EngineState.SILENT: "The engine (process {pid}) is there and does not answer.",
    EngineState.STRANGER: "What answers at {url} does not know this home's token.",
}
ADVICE = {
    EngineState.NONE: "The next command that needs it starts it.",
    EngineState.ANSWERS: "",
    EngineState.STALE: "Nothing recorded is lost; the next command that needs it starts one.",
    EngineState.RECYCLED: "Nothing recorded is lost; the next command starts an engine.",
    EngineState.BROKEN: "`flowkernel engine start` replaces {file} if no engine is running.",
    EngineState.SILENT: "Look at {log}; `kill -9 {pid}` is safe: nothing recorded is lost.",
    EngineState.STRANGER: "Look at {log}; `flowkernel engine start` starts this home's own.",
}
TROUBLE = frozenset({EngineState.BROKEN, EngineState.SILENT, EngineState.STRANGER})


def look(home: Home) -> tuple[EngineState, EngineFile | None]:
    """As `engine_launcher.inspect_engine`.

    Raises:
        HomeNotWritable: The home cannot even be read.
    """
    try:
        return engine_launcher.inspect_engine(home)
    except OSError as error:
        raise home_error(home.path, error) from error


def described(
    home: Home, found: EngineState, engine: EngineFile | None
) -> tuple[str, str]:
    """What was found, and what to do about it."""
    facts = {
        "pid": engine.pid if engine else "",
        "url": engine.url if engine else "",
        "version": engine.version if engine else "",
        "file": home.engine_file,
        "log": home.log / "engine.log",
    }
    return SENTENCES[found].format(**facts), ADVICE[found].format(**facts)


def engine_status(*, as_json: bool) -> int:
    """Say how it is; never start it."""
    home = find_home()
    found, engine = look(home)
    told = {}
    if found is EngineState.ANSWERS:
        with suppress(EngineUnreachable):  # It has just gone.
            told = client(starts_engine=False).get("/engine")
    if as_json:
        say_json({"found": found.value, "home": str(home.path), **told})
    else:
        sentence, advice = described(home, found, engine)
        say(f"{sentence} {advice}".strip() + f"\nHome: {home.path}")
        if told:
            say(
                f"{told['running']} of {told['slots']} slots in use, {told['waiting']} "
                f"executions waiting, {told['queued']} queued; {told['workers']} workers."
            )
    return NO_ENGINE if found in TROUBLE else SUCCESS


def start_engine(*, as_json: bool) -> None:
    """Start it, if it does not run."""
    home = find_home()
    was_there = look(home)[0] is EngineState.ANSWERS
    engine = engine_launcher.ensure_engine(home)
    if as_json:
        say_json({"url": engine.url, "pid": engine.pid, "was_running": was_there})
    else:
        word = "ran already" if was_there else "is started"
        say(
            f"The engine {word} (process {engine.pid}) at {engine.url}.\nHome: {home.path}"
        )


def stop_engine(*, force: bool, as_json: bool) -> None:
    """Stop it; comes back when it is gone."""
    home = find_home()
    found, engine = look(home)
    if found is not EngineState.ANSWERS or engine is None:
        if found in TROUBLE:
            raise EngineUnreachable(" ".join(described(home, found, engine)))
        _say_stopped("No engine is running.", was_running=False, as_json=as_json)
        return
    prompter = client(starts_engine=False)
    with suppress(EngineUnreachable):  # It may be gone before it has answered.
        prompter.post("/engine/stop", {"force": force})
    prompter.close()
    deadline = monotonic() + STOP_SECONDS
    while engine_launcher.is_locked(home):
        if monotonic() > deadline:
            raise EngineUnreachable(
                f"The engine (process {engine.pid}) was told to stop and is still there. "
                f"Look at {home.log / 'engine.log'}; `kill -9 {engine.pid}` is safe."
            )
        time.sleep(engine_launcher.LOOK_EVERY)
    _say_stopped(
        f"Stopped the engine (process {engine.pid}).", was_running=True, as_json=as_json
    )


def _say_stopped(sentence: str, *, was_running: bool, as_json: bool) -> None:
    if as_json:
        say_json({"was_running": was_running})
    else:
        say(sentence)
