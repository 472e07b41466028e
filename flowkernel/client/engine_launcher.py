"""Find the engine of a home, or start it: only one, however many clients try at once."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

from flowkernel.client.own_token import own_token, without_tokens
from flowkernel.client.start_announcement import announce_start
from flowkernel.core import errors
from flowkernel.core.errors import (
    BadArgument,
    EngineStopped,
    EngineUnreachable,
    Unauthorized,
)
from flowkernel.core.open_files import child_environment
from flowkernel.core.variables import base_environment
from flowkernel.home import EngineFile, Home, home_error, open_private

START_SECONDS = 60.0  #: How long an engine may take to answer for the first time.
ASK_SECONDS = 5.0  #: How long it may take to respond to a request.
LOOK_EVERY = 0.03  #: Seconds between two checks while it starts.
#: The Python of the engine, for kernels with another one.
INTERPRETER = "FLOWKERNEL_INTERPRETER"
PROBE = 256 * 1024  #: Bytes on the disk that an engine needs to start, at least.
#: The line of the log with which an engine says why it does not start begins with this.
FAILURE = "flowkernel-failure "
#: The exit code of an engine that found another one in its home.
HOME_IS_TAKEN = 3


class EngineState(StrEnum):
    """The state of the engine of a home, by `engine.json` and the process table."""

    NONE = "NONE"  #: No engine was started here, or it stopped by itself.
    ANSWERS = "ANSWERS"  #: It runs and answers.
    STALE = "STALE"  #: It was killed: `engine.json` names a process that is gone.
    RECYCLED = "RECYCLED"  #: As STALE, and another program has its process id now.
    BROKEN = "BROKEN"  #: `engine.json` cannot be read.
    SILENT = "SILENT"  #: Its process is alive and does not answer.
    STRANGER = "STRANGER"  #: What answers at its address does not accept the token.


def inspect_engine(
    home: Home, token: str | None = None
) -> tuple[EngineState, EngineFile | None]:
    """The state of the engine, without changing anything, and what `engine.json` says.

    Args:
        token: Of a worker or an execution; None: that of this process.
    """
    try:
        engine = EngineFile.read(home, token=token or own_token(home))
    except BadArgument:
        return EngineState.BROKEN, None
    if engine is None:
        return EngineState.NONE, None
    status = _ping(engine)
    if status == 200:
        return EngineState.ANSWERS, engine
    return _silent_state(engine, status), engine


def _silent_state(engine: EngineFile, status: int | None) -> EngineState:
    """The state of an engine that did not answer with 200."""
    import psutil

    try:
        process = psutil.Process(engine.pid)
        started_at = process.create_time()
        if process.status() == psutil.STATUS_ZOMBIE:
            return EngineState.STALE
    except psutil.Error:
        return EngineState.STALE
    if abs(started_at - engine.process_started_at) > 1.0:
        return EngineState.RECYCLED
    return EngineState.STRANGER if status == 401 else EngineState.SILENT


def _ping(engine: EngineFile) -> int | None:
    """The HTTP status of its response; None if nothing answers."""
    address = urlsplit(engine.url)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=ASK_SECONDS
    )
    try:
        headers = {"Authorization": f"Bearer {engine.token}"}
        connection.request("GET", "/api/latest/engine", headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def ensure_engine(
    home: Home, token: str | None = None, *, is_announced: bool = True
) -> EngineFile:
    """The running engine of this home, started if there is none.

    Args:
        token: Of a worker or an execution; None: that of this process.
        is_announced: Whether a person here is told that it starts. With a token nobody is: it
            is that of a program.

    Raises:
        Unauthorized: The engine does not know the token, which it made once.
        EngineStopped: A person stopped it, and the token is that of a worker or a flow.
        HomeNotWritable, DiskFull: The home cannot be used.
        EngineUnreachable: It does not start, or its process hangs; says which, and why.
    """
    from filelock import FileLock, Timeout

    home.prepare()
    token = token or own_token(home)
    try:
        with FileLock(home.start_lock, timeout=START_SECONDS, mode=0o600):
            return _running_engine(home, token, is_announced=is_announced)
    except Timeout as error:
        raise EngineUnreachable(
            f"Another process has been starting the engine of {str(home.path)!r} for over "
            f"{START_SECONDS:.0f} s. Read {home.log / 'engine.log'}, then try again."
        ) from error
    except OSError as error:
        raise home_error(home.path, error) from error


def _running_engine(home: Home, token: str | None, *, is_announced: bool) -> EngineFile:
    """The engine that answers, is starting, or is started here."""
    engine = _answering(home, token)
    if engine is None and token is not None and home.stop_mark.exists():
        raise EngineStopped(str(home.path))
    if engine is not None:
        return engine
    process = None if is_locked(home) else _spawn(home)
    if is_announced and token is None:
        announce_start()
    return _wait_for(home, token, process)


def _answering(home: Home, token: str | None) -> EngineFile | None:
    """The engine, if it answers.

    Raises:
        Unauthorized: It does not know our own token. A person's is in its new file soon.
    """
    state, engine = inspect_engine(home, token)
    if state is EngineState.STRANGER and token is not None:
        raise Unauthorized(is_made=True)
    return engine if state is EngineState.ANSWERS else None


def is_locked(home: Home) -> bool:
    """Whether an engine process is alive, whatever `engine.json` says."""
    return _is_held(home.engine_lock)


def wait_for_first_engine(home: Home) -> None:
    """Wait until the first engine of a home has made it, if one is just being started."""
    deadline = time.monotonic() + START_SECONDS
    while not home.is_made and is_starting(home) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)


def is_starting(home: Home) -> bool:
    """Whether a process starts an engine, or is one. It makes no file."""
    with suppress(OSError):  # A home that may not be written to.
        locks = (home.start_lock, home.engine_lock)
        return any(lock.exists() and _is_held(lock) for lock in locks)
    return False


def _is_held(path: Path) -> bool:
    """Whether a process has this lock."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _spawn(home: Home) -> subprocess.Popen[bytes]:
    interpreter = os.environ.get(INTERPRETER) or sys.executable
    with open(home.log / "engine.log", "ab", opener=open_private) as log:
        return subprocess.Popen(
            [interpreter, "-P", "-m", "flowkernel.engine", str(home.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.path,
            env={
                **base_environment(without_tokens(os.environ)),
                **child_environment(),
            },
            start_new_session=True,
        )


def _wait_for(
    home: Home, token: str | None, process: subprocess.Popen[bytes] | None
) -> EngineFile:
    """The engine, once it answers; one that is killed while it starts is started again."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        engine = _answering(home, token)
        if engine is not None:
            if process is not None:
                _reap_at_its_end(process)
            return engine
        if process is None and not is_locked(home):
            process = _spawn(home)
        elif process is not None and process.poll() is not None:
            process = _spawn_again(home, process.returncode)
        time.sleep(LOOK_EVERY)
    raise _hung(home, process.pid if process is not None else _pid(home))


def _reap_at_its_end(process: subprocess.Popen[bytes]) -> None:
    """Leave no zombie, if the engine ends before this process does."""
    threading.Thread(target=process.wait, name="engine-end", daemon=True).start()


def _spawn_again(home: Home, code: int) -> subprocess.Popen[bytes] | None:
    """Another engine after one that was killed; None: another process starts one.

    Raises:
        FlowkernelError: It ended by itself, and says why, or wrote nothing.
    """
    if code == HOME_IS_TAKEN:
        return None
    if code >= 0:
        raise _failure(home, code)
    return None if is_locked(home) else _spawn(home)


def _hung(home: Home, pid: int | None) -> EngineUnreachable:
    """The error for an engine that runs and does not answer."""
    if pid is None:
        return EngineUnreachable(
            f"An engine of {str(home.path)!r} runs, but {str(home.engine_file)!r} does not "
            f"have its address. Read {home.log / 'engine.log'}. You can end the process "
            "`python -m flowkernel.engine` of this home: nothing that is recorded is lost."
        )
    return EngineUnreachable(
        f"The engine of {str(home.path)!r} (process {pid}) runs and does not answer. Read "
        f"{home.log / 'engine.log'}. You can end it with `kill -9 {pid}`: nothing that is "
        "recorded is lost."
    )


def _pid(home: Home) -> int | None:
    with suppress(BadArgument):
        engine = EngineFile.read(home, token=own_token(home))
        return engine.pid if engine else None
    return None


def _failure(home: Home, code: int) -> errors.FlowkernelError:
    """Why the engine did not start: the last such line of its log, if there is one."""
    lines = (home.log / "engine.log").read_text("utf-8", "replace").splitlines()[-20:]
    for line in reversed(lines):
        if line.startswith(FAILURE):
            record = json.loads(line.removeprefix(FAILURE))
            failure = errors.from_code(record["code"], record["message"])
            failure.is_answer = False
            return failure
    write_error = _write_error(home)
    if write_error is not None:  # Then it could not write its reason either.
        return write_error
    last_line = lines[-1] if lines else "it wrote nothing"
    return EngineUnreachable(
        f"The engine of {str(home.path)!r} ended as soon as it started (exit code {code}): "
        f"{last_line}. Read {home.log / 'engine.log'} for the details."
    )


def _write_error(home: Home) -> errors.FlowkernelError | None:
    """The error if nothing can be written to the home; None if it can."""
    try:
        with TemporaryFile(dir=home.path) as probe:
            probe.write(bytes(PROBE))
    except OSError as error:
        return home_error(home.path, error)
    return None
