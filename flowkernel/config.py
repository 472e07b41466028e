"""Every number and choice that can be set: argument > environment > file > default."""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import inf
from pathlib import Path
from typing import Any

from flowkernel.core.errors import BadArgument

PREFIX = "FLOWKERNEL_"  #: `slots` is FLOWKERNEL_SLOTS in the environment.
FILE = "config.toml"  #: In the home.


def _cores() -> int:
    return (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How the engine and its workers behave. Read once, when a process starts."""

    host: str = "127.0.0.1"  #: Loopback: nobody outside this machine can ask.
    port: int = 0  #: 0: any free port, told in `engine.json`.
    slots: int = 0  #: Executions that run at a time; 0: one for each core.
    max_depth: int = 50  #: Levels below a root, inclusive. Each level is a live kernel.
    lease: float = 9.0  #: Seconds without a word until a dead worker counts as lost.
    silence: float = 60.0  #: The same for a worker whose process is still there.
    poll: float = 3.0  #: Seconds an empty question of a worker is held open.
    idle_exit: float = (
        600.0  #: Seconds without work or callers until the engine goes away.
    )
    kernel: str = (
        "fork"  #: "fork": from a fork server where that is possible; or "plain".
    )
    preload: tuple[
        str, ...
    ] = ()  #: Modules that a fork server imports for its kernels.
    ready_kernels: int = 2  #: Kernels that a fork server keeps ready.
    kernel_start: float = 60.0  #: Seconds a kernel may take to answer.
    cancel_grace: float = (
        5.0  #: Seconds between the interrupt and the kill of a cancel.
    )
    save_every: float = 1.0  #: Seconds between saves of a running output notebook.
    parked_kernels: int = 8  #: Of failed executions, kept for somebody to decide.
    parked_hours: float = 12.0  #: How long one is kept, inclusive.
    parked_megabytes: int = 4096  #: What all of them may use together, inclusive.
    max_losses: int = 3  #: How often an execution is run again after a lost worker.
    log_characters: int = (
        1024 * 1024
    )  #: Kept log of one execution, inclusive; then it is cut.
    stream_characters: int = (
        64 * 1024 * 1024
    )  #: Kept stdout or stderr of one cell, inclusive.
    sql_seconds: float = 10.0  #: Time limit of one question in SQL.
    sql_rows: int = 100_000  #: Rows of one answer, inclusive; then it says it is cut.
    sql_bytes: int = (
        64 * 1024 * 1024
    )  #: Bytes of one answer, about; then it says it is cut.
    keep_days: float = 0.0  #: Older families that ended go, once a day; 0: never.
    keep_count: int = 0  #: Beyond so many families, the newest, too; 0: never.
    memory: str = "512MB"  #: DuckDB's memory limit; it would take 80 % of the machine.

    @property
    def slot_count(self) -> int:
        """Executions that run at a time."""
        return self.slots or _cores()


def load_config(
    home: Path, *, environ: Mapping[str, str] = os.environ, **arguments: Any
) -> Config:
    """The configuration of a home.

    Raises:
        BadArgument: A value has the wrong type, or a name is unknown; says where it is from.
    """
    values: dict[str, Any] = {}
    known = {item.name: item.type for item in fields(Config)}
    for name, value in _from_file(home / FILE).items():
        if name not in known:
            raise BadArgument(
                f"{home / FILE} sets {name!r}, which does not exist. "
                f"It can set: {', '.join(sorted(known))}."
            )
        values[name] = _typed(name, value, known[name], str(home / FILE))
    for name in known:
        variable = PREFIX + name.upper()
        if environ.get(variable):  # Set to nothing is not set, as for other programs.
            values[name] = _typed(name, environ[variable], known[name], variable)
    for name, value in arguments.items():
        if value is not None:
            values[name] = _typed(name, value, known[name], "an argument")
    return Config(**values)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadArgument(
            f"{path} is not valid TOML: {error}. Mend or remove it."
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadArgument(
            f"{path} cannot be read: {reason}. Mend or remove it."
        ) from error


def _typed(name: str, value: Any, kind: Any, origin: str) -> Any:
    try:
        typed = _READERS[kind](value)
        if name in _SHAPES and not _SHAPES[name][0].fullmatch(str(typed)):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        words = _SHAPES[name][1] if name in _SHAPES else _WORDS[kind]
        raise BadArgument(
            f"`{name}` is {value!r} in {origin}; `{name}` takes {words}, by default "
            f"{getattr(Config(), name)!r}."
        ) from None
    return typed


def _whole(value: Any) -> int:
    number = int(value)
    if isinstance(value, bool | float) or number < 0:
        raise ValueError
    return number


def _number(value: Any) -> float:
    number = float(value)
    if (
        isinstance(value, bool) or not 0 <= number < inf
    ):  # Nor NaN, which is not 0 or more.
        raise ValueError
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _names(value: Any) -> tuple[str, ...]:
    """From a list in TOML, or text with commas in the environment."""
    parts = value.split(",") if isinstance(value, str) else value
    names = tuple(_text(part).strip() for part in parts)
    if not all(part.isidentifier() for name in names for part in name.split(".")):
        raise ValueError
    return names


#: Texts of which not every one will do: how they look, and the words for that.
_SHAPES = {
    "memory": (
        re.compile(r"\d+(\.\d+)?\s*[KMGT]i?B", re.IGNORECASE),
        "an amount such as '2GB'",
    ),
    "kernel": (re.compile(r"fork|plain"), "'fork' or 'plain'"),
}
_READERS: dict[Any, Callable[[Any], Any]] = {
    int: _whole,
    float: _number,
    str: _text,
    tuple[str, ...]: _names,
}
_WORDS: dict[Any, str] = {
    int: "a whole number of 0 or more",
    float: "a number of 0 or more",
    str: "text",
    tuple[str, ...]: "names of modules, such as ['numpy', 'pandas']",
}
