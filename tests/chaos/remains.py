"""What must not be left: zombies, processes, files."""

import re
import stat
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
#: The names of files that are written before they get their place.
DRAFTS = (
    "*.new",
    "*.tmp",
    "*.part",
    "*.rebuilt",
    "*.wal.*",
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


def remains_promises(arena: Arena, ledger: Ledger) -> list[Promise]:
    """Neither processes nor files are left, a while after the engine has stopped."""
    folders = (arena.temporary, arena.runtime)
    processes = _none_left(lambda: [*map(describe, processes_of(arena))], IDLE_SECONDS)
    count = len(ledger.killed)
    temporary, runtime = (_explained(_names(f), ledger) for f in folders)
    return [
        Promise.of("processes left", count, processes),
        Promise.of("files left in TMPDIR", count, temporary),
        Promise.of("files left in Jupyter's runtime folder", count, runtime),
        Promise.of(
            "sockets and drafts left in the home", count, _drafts(arena.home.path)
        ),
    ]


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
    return sorted(str(path.relative_to(folder)) for path in folder.iterdir())


def _drafts(home: Path) -> Iterator[str]:
    for path in sorted(home.rglob("*")):
        if stat.S_ISSOCK(path.lstat().st_mode):
            yield f"socket {path.relative_to(home)}"
    for pattern in DRAFTS:
        yield from (str(path.relative_to(home)) for path in sorted(home.glob(pattern)))
