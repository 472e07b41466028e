"""What `flowkernel doctor` does: each thing that is needed, how it is, how to repair it."""

import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

from flowkernel import __version__
from flowkernel.cli.cli_client import make_client, waiting
from flowkernel.cli.engine_operations import TROUBLE, describe, describe_task, look
from flowkernel.cli.output import OutputForm, print_records, print_text
from flowkernel.client.engine_launcher import EngineState
from flowkernel.config import load_config, misspelled_variables
from flowkernel.core.errors import BadArgument, EngineError, EngineUnreachable
from flowkernel.display.wait_note import WaitNote
from flowkernel.home import FULL, VARIABLE, Home, check_path, find_home, home_error

OK, WARN, PROBLEM = "ok", "warn", "problem"
#: Of the findings about how kernels start.
START_TOPIC = "kernels start"
#: Bytes free on the disk; fewer is a warning.
FEW_BYTES = 500 * 1024 * 1024
#: Bytes free on the disk; with fewer, nothing can be recorded soon.
TOO_FEW_BYTES = 20 * 1024 * 1024
OLDEST_PYTHON = (3, 11)
#: No word about these is needed.
HEALTHY = frozenset({EngineState.NONE, EngineState.ANSWERS})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined."""

    #: OK, WARN or PROBLEM.
    level: str
    topic: str
    text: str
    advice: str = ""


def examine(form: OutputForm) -> int:
    """Print a finding about each thing that is needed; 1 if something must be repaired."""
    findings = []
    for finding in _in_turn():
        findings.append(finding)
        if form is OutputForm.TEXT:  # At once: the next one may take seconds.
            _print_finding(finding)
    if form is not OutputForm.TEXT:
        names = [field.name for field in fields(Finding)]
        print_records([asdict(finding) for finding in findings], form, names)
    return 1 if any(finding.level == PROBLEM for finding in findings) else 0


def _print_finding(finding: Finding) -> None:
    print_text(f"{finding.level:<8}{finding.topic}: {finding.text}")
    if finding.advice:
        print_text(f"{'':<8}{finding.advice}")


def _in_turn() -> Iterator[Finding]:
    """The findings, each as soon as it is there; meanwhile a person sees that it is sought."""
    note = WaitNote()
    findings = _findings(find_home(), note)
    while True:
        with waiting("Checking", note):
            finding = next(findings, None)
        if finding is None:
            return
        yield finding


def _findings(home: Home, note: WaitNote) -> Iterator[Finding]:
    yield _python()
    yield from _packages()
    yield from _home(home)
    yield from _engine(home, note)
    yield _database(home)
    yield from _journal(home)
    yield _kernels()
    yield from _kernel_starts(home)


def _python() -> Finding:
    text = f"{platform.python_version()} ({sys.executable}), flowkernel {__version__}"
    if sys.version_info < OLDEST_PYTHON:
        advice = "flowkernel needs Python 3.11 or later."
        return Finding(PROBLEM, "Python", text, advice)
    return Finding(OK, "Python", text)


def _packages() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    fitting = []
    for text in metadata.requires("flowkernel") or []:
        package = Requirement(text)
        name, marker, specifier = package.name, package.marker, package.specifier
        if marker is not None and not marker.evaluate({"extra": ""}):
            continue
        advice = f"pip install '{name}{specifier}'"
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(PROBLEM, "package", f"{name} is not installed.", advice)
            continue
        if specifier.contains(version, prereleases=True):
            fitting.append(f"{name} {version}")
        else:
            problem = f"{name} {version} does not fit {specifier}."
            yield Finding(PROBLEM, "package", problem, advice)
    yield Finding(OK, "packages", ", ".join(fitting))


def _home(home: Home) -> Iterator[Finding]:
    folder = home.path
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        advice = "Set FLOWKERNEL_HOME to a folder."
        yield Finding(PROBLEM, "home", f"{folder} is a file.", advice)
        return
    error = _write_error(folder)
    if error is not None:
        yield Finding(PROBLEM, "home", str(home_error(home.path, error)))
    else:
        note = "" if home.path.exists() else " (made when it is needed)"
        yield Finding(OK, "home", f"{home.path}{note}")
    yield from _home_safety(home)
    if error is None or error.errno in FULL:
        yield _disk(folder)
    try:
        load_config(home.path)
    except BadArgument as error:
        yield Finding(PROBLEM, "configuration", str(error))
    for name, setting in misspelled_variables():
        advice = f"Did you mean {setting}?"
        yield Finding(WARN, "configuration", f"{name} is no setting.", advice)


def _write_error(folder: Path) -> OSError | None:
    """Why nothing can be made in a folder. To know, something is made there and removed."""
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".flowkernel-doctor-", dir=folder))
    except OSError as error:
        return error
    return None


def _home_safety(home: Home) -> Iterator[Finding]:
    """What of the home keeps the engine from working, or lets others take its place."""
    try:
        check_path(home.path)
    except BadArgument as error:
        yield Finding(PROBLEM, "home", str(error))
    if os.name == "posix" and home.path.is_dir():
        mode = stat.S_IMODE(home.path.stat().st_mode)
        if mode & 0o022:
            text = (
                f"others can replace the engine's files in {home.path} (mode {mode:o})."
            )
            yield Finding(WARN, "home", text, f"chmod go-w {home.path}")


def _disk(folder: Path) -> Finding:
    free_bytes = shutil.disk_usage(folder).free
    text = f"{_size(free_bytes)} free"
    if free_bytes < TOO_FEW_BYTES:
        advice = "Free some space: soon nothing can be recorded."
        return Finding(PROBLEM, "disk", text, advice)
    if free_bytes < FEW_BYTES:
        advice = "Free some space: output notebooks need it."
        return Finding(WARN, "disk", text, advice)
    return Finding(OK, "disk", text)


def _engine(home: Home, note: WaitNote) -> Iterator[Finding]:
    try:
        state, engine = look(home, note)
    except EngineError as error:
        yield Finding(PROBLEM, "engine", str(error))
        return
    level = PROBLEM if state in TROUBLE else OK if state in HEALTHY else WARN
    yield Finding(level, "engine", *describe(home, state, engine))
    is_running = state is EngineState.ANSWERS
    if is_running and engine is not None and engine.version != __version__:
        text = f"it has version {engine.version}, this command has {__version__}."
        advice = (
            "`flowkernel engine stop`: the next engine has the version of the command."
        )
        yield Finding(WARN, "engine", text, advice)
    if is_running:
        yield from _engine_troubles(note)
    if home.engine_file.exists() and os.name == "posix":
        mode = stat.S_IMODE(home.engine_file.stat().st_mode)
        if mode & 0o077:
            text = f"others can read the token in {home.engine_file} (mode {mode:o})."
            yield Finding(WARN, "engine", text, f"chmod 600 {home.engine_file}")


def _engine_troubles(note: WaitNote) -> Iterator[Finding]:
    """What the engine says of its background tasks, and of its workers."""
    client = make_client(starts_engine=False)
    client.note = note
    with suppress(EngineUnreachable):  # It has just ended.
        status = client.get("/engine")
        for task in status.get("failed_tasks", ()):
            level = PROBLEM if task["is_failing"] else WARN
            advice = "The log `engine.log` in the home has all of the error."
            yield Finding(level, "engine", describe_task(task), advice)
        if status.get("worker_trouble"):
            yield Finding(PROBLEM, "workers", status["worker_trouble"])
        if status.get("queue_reason"):
            advice = "Runs start when others end. Nothing is lost, and nothing has to be done."
            yield Finding(WARN, "queue", status["queue_reason"], advice)


def _database(home: Home) -> Finding:
    if not home.database.exists():
        return Finding(OK, "database", "there is none yet; the engine makes it.")
    with open(home.database, "rb") as file:
        header = file.read(12)
    if header[8:] != b"DUCK":
        return Finding(
            PROBLEM,
            "database",
            f"{home.database} is not a DuckDB file.",
            "Put a backup in its place, or move it away to start with an empty one.",
        )
    size = sum(part.stat().st_size for part in home.path.glob(home.database.name + "*"))
    return Finding(OK, "database", f"{home.database} ({_size(size)})")


def _journal(home: Home) -> Iterator[Finding]:
    from flowkernel.store.journal.segments import find_damage, list_segments

    sentences = find_damage(home.journal)
    for sentence in sentences:
        advice = "The database may still have it: keep a backup."
        yield Finding(WARN, "journal", sentence, advice)
    if not sentences:
        count = len(list_segments(home.journal))
        yield Finding(OK, "journal", f"{home.journal} (segments: {count}, all intact)")


def _kernels() -> Finding:
    try:
        from jupyter_client.kernelspec import KernelSpecManager
    except ImportError:  # Reported already, as a missing package.
        return Finding(PROBLEM, "kernels", "jupyter_client is not installed.")
    names = sorted(KernelSpecManager().find_kernel_specs())
    if not names:
        advice = "Python flows run without one; notebooks in other languages do not."
        return Finding(WARN, "kernels", "no kernelspec is installed.", advice)
    return Finding(OK, "kernels", ", ".join(names))


def _kernel_starts(home: Home) -> Iterator[Finding]:
    """How kernels start, and how the fork servers are that start them."""
    from flowkernel.kernels.fork_servers import LINUX, list_running

    try:
        kernel = load_config(home.path).kernel
    except BadArgument:  # Reported already, as the configuration.
        return
    if kernel == "plain":
        text = "each as a new process, because of the setting `kernel`."
        yield Finding(OK, START_TOPIC, text)
        return
    if not LINUX:
        text = f"each as a new process: there is no fork server on {sys.platform}."
        yield Finding(OK, START_TOPIC, text)
        return
    servers = list_running()
    own_servers = [server for server in servers if _is_of_home(server, home)]
    if not own_servers:
        text = "forked; the fork server starts with the first kernel."
        yield Finding(OK, START_TOPIC, text)
    for server in own_servers:
        yield from _fork_server(server)
    count = len(servers) - len(own_servers)
    if count:
        text = f"{count} fork server{'s' * (count > 1)} of other homes or Pythons, too."
        yield Finding(OK, START_TOPIC, text)


def _is_of_home(server: dict[str, Any], home: Home) -> bool:
    """Whether this home uses a fork server, as far as can be seen: they have no home."""
    if "silent" in server:  # It may be the one that its kernels need.
        return True
    named = _variable_of(server["pid"], VARIABLE)
    is_same_python = server.get("interpreter", sys.executable) == sys.executable
    return is_same_python and (not named or Path(named).absolute() == home.path)


def _variable_of(pid: int, name: str) -> str | None:
    """An environment variable of a process; None if it cannot be read."""
    import psutil

    with suppress(psutil.Error):
        return psutil.Process(pid).environ().get(name)
    return None


def _fork_server(server: dict[str, Any]) -> Iterator[Finding]:
    if "silent" in server:
        text = f"{server['silent']} does not answer: {server['reason']}."
        advice = (
            "Kernels start as new processes meanwhile. End that fork server; the next "
            "kernel starts another one."
        )
        yield Finding(WARN, START_TOPIC, text, advice)
        return
    modules = ", ".join(server["preload"]) or "nothing besides ipykernel"
    interpreter = server.get("interpreter", "another flowkernel")
    text = (
        f"forked, by process {server['pid']} of {interpreter}: "
        f"{server['ready']} ready, {server['taken']} in use; preloaded: {modules}"
    )
    yield Finding(OK, START_TOPIC, text)
    for name, reason in server["refused"].items():
        advice = f"Take {name!r} out of `preload`, or repair it; kernels import it themselves."
        yield Finding(WARN, START_TOPIC, f"{name} is not preloaded: {reason}.", advice)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
