"""`flowkernel doctor`: each thing that is needed, how it is, and what to do about it."""

import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from flowkernel import __version__
from flowkernel.cli.engine_commands import TROUBLE, described, look
from flowkernel.cli.output import say, say_json
from flowkernel.client.engine_launcher import EngineState
from flowkernel.config import load_config
from flowkernel.core.errors import BadArgument, EngineError
from flowkernel.home import Home, find_home

TOPIC = "kernels start"  #: Of what is said about that.
OK, WARN, PROBLEM = "ok", "warn", "problem"
LITTLE_ROOM = 500 * 1024 * 1024  #: Bytes free on the disk; fewer is worth a word.
NO_ROOM = 20 * 1024 * 1024  #: Bytes; with fewer, nothing can be recorded soon.
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: str  #: ok, warn or problem.
    topic: str
    text: str
    advice: str = ""


def examine(*, as_json: bool) -> int:
    """Look at everything; 1 if something must be mended."""
    findings = list(_findings(find_home()))
    if as_json:
        say_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            say(f"{finding.level:<8}{finding.topic}: {finding.text}")
            if finding.advice:
                say(f"{'':<8}{finding.advice}")
    return 1 if any(finding.level == PROBLEM for finding in findings) else 0


def _findings(home: Home) -> Iterator[Finding]:
    yield _python()
    yield from _packages()
    yield from _home(home)
    yield from _engine(home)
    yield _database(home)
    yield from _journal(home)
    yield _kernels()
    yield from _kernel_starts(home)


def _python() -> Finding:
    said = f"{platform.python_version()} ({sys.executable}), flowkernel {__version__}"
    if sys.version_info < OLDEST_PYTHON:
        return Finding(
            PROBLEM, "Python", said, "flowkernel needs Python 3.11 or later."
        )
    return Finding(OK, "Python", said)


def _packages() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    good = []
    for text in metadata.requires("flowkernel") or []:
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        advice = f"pip install '{needed.name}{needed.specifier}'"
        try:
            version = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            yield Finding(
                PROBLEM, "package", f"{needed.name} is not installed.", advice
            )
            continue
        if needed.specifier.contains(version, prereleases=True):
            good.append(f"{needed.name} {version}")
        else:
            said = f"{needed.name} {version} does not fit {needed.specifier}."
            yield Finding(PROBLEM, "package", said, advice)
    yield Finding(OK, "packages", ", ".join(good))


def _home(home: Home) -> Iterator[Finding]:
    place = home.path
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        yield Finding(
            PROBLEM, "home", f"{place} is a file.", "Set FLOWKERNEL_HOME to a folder."
        )
        return
    if not os.access(place, os.W_OK):
        advice = "Set FLOWKERNEL_HOME to a folder you can write to."
        yield Finding(PROBLEM, "home", f"{home.path} cannot be written to.", advice)
    else:
        what = "" if home.path.exists() else " (made when it is needed)"
        yield Finding(OK, "home", f"{home.path}{what}")
    yield _disk(place)
    try:
        load_config(home.path)
    except BadArgument as error:
        yield Finding(PROBLEM, "configuration", str(error))


def _disk(place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    said = f"{_size(free)} free"
    if free < NO_ROOM:
        return Finding(
            PROBLEM, "disk", said, "Free some: soon nothing can be recorded."
        )
    if free < LITTLE_ROOM:
        return Finding(
            WARN, "disk", said, "Output notebooks need room: free some space."
        )
    return Finding(OK, "disk", said)


def _engine(home: Home) -> Iterator[Finding]:
    try:
        found, engine = look(home)
    except EngineError as error:
        yield Finding(PROBLEM, "engine", str(error))
        return
    level = PROBLEM if found in TROUBLE else WARN if found not in _WELL else OK
    yield Finding(level, "engine", *described(home, found, engine))
    if (
        found is EngineState.ANSWERS
        and engine is not None
        and engine.version != __version__
    ):
        said = f"it is of version {engine.version}, this command of {__version__}."
        yield Finding(
            WARN, "engine", said, "`flowkernel engine stop`; the next is current."
        )
    if home.engine_file.exists() and os.name == "posix":
        mode = stat.S_IMODE(home.engine_file.stat().st_mode)
        if mode & 0o077:
            said = f"others can read the token in {home.engine_file} (mode {mode:o})."
            yield Finding(WARN, "engine", said, f"chmod 600 {home.engine_file}")


_WELL = frozenset({EngineState.NONE, EngineState.ANSWERS})


def _database(home: Home) -> Finding:
    if not home.database.exists():
        return Finding(OK, "database", "there is none yet; the engine makes it.")
    with open(home.database, "rb") as file:
        head = file.read(12)
    if head[8:] != b"DUCK":
        return Finding(
            PROBLEM,
            "database",
            f"{home.database} is not a DuckDB file.",
            "Put a backup in its place, or move it away to begin anew.",
        )
    size = sum(part.stat().st_size for part in home.path.glob(home.database.name + "*"))
    return Finding(OK, "database", f"{home.database} ({_size(size)})")


def _journal(home: Home) -> Iterator[Finding]:
    from flowkernel.store.journal.segments import find_damage, list_segments

    wrong = find_damage(home.journal)
    for said in wrong:
        yield Finding(WARN, "journal", said, "The tables may have it: keep a backup.")
    if not wrong:
        count = len(list_segments(home.journal))
        yield Finding(OK, "journal", f"{home.journal} ({count} segments, all whole)")


def _kernels() -> Finding:
    try:
        from jupyter_client.kernelspec import KernelSpecManager
    except ImportError:  # Said already, as a missing package.
        return Finding(PROBLEM, "kernels", "jupyter_client is not installed.")
    names = sorted(KernelSpecManager().find_kernel_specs())
    if not names:
        advice = "Python flows run without one; notebooks in other languages do not."
        return Finding(WARN, "kernels", "no kernelspec is installed.", advice)
    return Finding(OK, "kernels", ", ".join(names))


def _kernel_starts(home: Home) -> Iterator[Finding]:
    """How kernels start, and how those do that start them."""
    from flowkernel.kernels.fork_servers import LINUX, running

    try:
        kernel = load_config(home.path).kernel
    except BadArgument:  # Said already, as the configuration.
        return
    if kernel == "plain":
        yield Finding(OK, TOPIC, "plainly, one by one: so says `kernel`.")
        return
    if not LINUX:
        said = f"plainly, one by one: there is no fork server on {sys.platform}."
        yield Finding(OK, TOPIC, said)
        return
    servers = running()
    if not servers:
        yield Finding(
            OK, TOPIC, "forked; the fork server starts with the first of them."
        )
    for server in servers:
        yield from _fork_server(server)


def _fork_server(about: dict[str, Any]) -> Iterator[Finding]:
    if "silent" in about:
        said = f"{about['silent']} does not answer: {about['reason']}."
        advice = (
            "Kernels start plainly. End that fork server, and the next one is well."
        )
        yield Finding(WARN, TOPIC, said, advice)
        return
    there = ", ".join(about["preload"]) or "nothing besides ipykernel"
    whose = about.get("interpreter", "another flowkernel")
    said = (
        f"forked, by process {about['pid']} of {whose}: "
        f"{about['ready']} ready, {about['taken']} taken; preloaded: {there}"
    )
    yield Finding(OK, TOPIC, said)
    for name, reason in about["refused"].items():
        advice = (
            f"Take {name!r} out of `preload`, or mend it; kernels import it themselves."
        )
        yield Finding(WARN, TOPIC, f"{name} is not preloaded: {reason}.", advice)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
