"""What must not be left: zombies, processes, files."""

import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.arena import Arena
from tests.chaos.ledger import Ledger
from tests.chaos.processes import by_kind, describe, processes_of, zombies_of
from tests.chaos.promise import Promise

#: Seconds until a zombie must have been waited for: the engine looks at least every 10 s.
ZOMBIE_SECONDS = 15.0
#: Seconds until the workers and engines are gone after `engine stop`.
STOP_SECONDS = 20.0
#: Seconds until the fork servers are gone: they end after a minute without a client.
IDLE_SECONDS = 90.0
#: Seconds from the last kill until nobody waits for a killed kernel to start again.
GRACE_SECONDS = 65.0
#: Seconds that one run, or the stop of an engine, may take.
RUN_SECONDS = 120.0
LEAF_INPUTS = {"key": "afterwards", "work": 0, "failures": 0}
#: The name of the file by which Python's `tempfile` tries once whether it can write, and what
#: is in it. It has no prefix, and stays if the process is killed in between.
TRIAL_NAME, TRIAL_CONTENTS = re.compile(r"[a-z0-9_]{8}"), (b"", b"blat")
#: The names of files that are written before they get their place.
DRAFTS = (
    "*.new",
    "*.tmp",
    "*.part",
    "*.rebuilt",
    "*.wal.*",
    "environment/*",
    "parked/*",
    "sql_reader/*",
)


def zombie_promise(arena: Arena, ledger: Ledger) -> Promise:
    """No zombie is left; looked at while the engine runs and has nothing to do."""
    zombies = _none_left(lambda: zombies_of(arena), ZOMBIE_SECONDS)
    return Promise.of("zombies", len(ledger.killed), _explained(zombies, ledger))


def stop_promise(arena: Arena, ledger: Ledger, stop_output: str | None) -> Promise:
    """`engine stop` has stopped the engine and its workers, and they stay so."""
    breaches = _none_left(lambda: _running(arena), STOP_SECONDS)
    refused = [f"engine stop: {stop_output}"] if stop_output else []
    return Promise.of(
        "engines and workers left after engine stop",
        len(ledger.killed),
        refused + breaches,
    )


def remains_promises(
    arena: Arena, ledger: Ledger, last_kill_at: float
) -> list[Promise]:
    """No process is left a while after the end, and no file after the next worker's start.

    Who is killed cannot remove its files: the next worker does, once nobody can be about to
    use them again.

    Args:
        last_kill_at: On the clock of `time.monotonic`.
    """
    count = len(ledger.killed)
    processes = _none_left(lambda: [*map(describe, processes_of(arena))], IDLE_SECONDS)
    time.sleep(max(0.0, last_kill_at + GRACE_SECONDS - time.monotonic()))
    failures = _run_a_leaf(arena)
    _none_left(lambda: [*map(describe, processes_of(arena))], STOP_SECONDS)
    temporary = _explained(_names(arena.temporary), ledger)
    runtime = _explained(_names(arena.runtime), ledger)
    return [
        Promise.of("processes left", count, processes),
        Promise.of("a run afterwards that fails", 1, failures),
        Promise.of("files left in TMPDIR", count, temporary),
        Promise.of("files left in Jupyter's runtime folder", count, runtime),
        Promise.of(
            "sockets and drafts left in the home", count, _drafts(arena.home.path)
        ),
    ]


def _run_a_leaf(arena: Arena) -> list[str]:
    """Run one flow in a plain kernel, and stop the engine; what went wrong."""
    values = {**LEAF_INPUTS, "effects": arena.effects}
    options = [word for name, value in values.items() for word in ("-p", name, value)]
    failures = []
    for words in (["run", "leaf", *map(str, options)], ["engine", "stop"]):
        command = subprocess.run(
            [sys.executable, "-m", "flowkernel", *words],
            env={**os.environ, "FLOWKERNEL_KERNEL": "plain"},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
        )
        arena.say(*words[:2], command.stdout, command.stderr)
        if command.returncode:
            failures.append(f"{words[:2]}: {command.stdout}{command.stderr}")
    return failures


def _explained(names: list[str], ledger: Ledger) -> list[str]:
    """The names; behind one that has the pid of a process that was killed, what that was."""
    killed = {str(pid): kind for pid, kind in ledger.killed}
    kinds = [
        [
            f"killed {killed[number]}"
            for number in re.findall(r"\d+", name)
            if number in killed
        ]
        for name in names
    ]
    return [
        f"{name} ({', '.join(kind)})" if kind else name
        for name, kind in zip(names, kinds, strict=True)
    ]


def _running(arena: Arena) -> list[str]:
    kinds = by_kind(arena)
    return [
        describe(p) for kind in ("engine", "worker", "sql reader") for p in kinds[kind]
    ]


def _none_left(look: Callable[[], list[str]], seconds: float) -> list[str]:
    """What is still there after so many seconds."""
    deadline = time.monotonic() + seconds
    while (rest := look()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return rest


def _names(folder: Path) -> list[str]:
    """The names in a folder, without the logs of fork servers: an error may name one."""
    paths = (path for path in folder.iterdir() if not _is_trial(path))
    return sorted(path.name for path in paths if path.suffix != ".log")


def _is_trial(path: Path) -> bool:
    """Whether Python itself made the file, to see whether it can write there."""
    is_named_so = TRIAL_NAME.fullmatch(path.name) and path.is_file()
    return bool(is_named_so) and path.read_bytes() in TRIAL_CONTENTS


def _drafts(home: Path) -> Iterator[str]:
    for path in sorted(home.rglob("*")):
        if stat.S_ISSOCK(path.lstat().st_mode):
            yield f"socket {path.relative_to(home)}"
    for pattern in DRAFTS:
        yield from (str(path.relative_to(home)) for path in sorted(home.glob(pattern)))
