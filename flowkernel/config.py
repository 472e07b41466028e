"""Every setting. An argument overrides the environment, that `config.toml`."""

import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any

from flowkernel.core.errors import BadArgument

PREFIX = "FLOWKERNEL_"  #: `slots` is FLOWKERNEL_SLOTS in the environment.
FILE = "config.toml"  #: Its name in the home.


class NamePatterns(tuple[str, ...]):
    """Shell patterns of names."""

    __slots__ = ()


#: What else begins with `PREFIX`, without it.
OTHER_VARIABLES = frozenset(
    {
        *("HOME", "INTERPRETER", "COMPLETE", "WORKER_TOKEN"),
        *("EXECUTION_ID", "EXECUTION_TOKEN", "EXECUTION_HOME"),
    }
)
#: From 0 to 1: how like the name of a setting another name is at least to be taken for it.
NEARNESS = 0.75
#: Hours that the kernel of a run is kept, inclusive: 100 years.
MAX_PARKED_HOURS = 876_600.0
ALL_NAMES = NamePatterns(["*"])
Setting = tuple[str, Any, str]  #: Its name, its value, and where it is set.


def _cores() -> int:
    return (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How the engine and its workers behave. Read once, when a process starts."""

    host: str = "127.0.0.1"  #: Where the engine listens. Loopback: this machine only.
    port: int = 0  #: 0: any free port; `engine.json` has it.
    slots: int = 0  #: Executions that run at a time; 0: one for each core.
    max_depth: int = 50  #: Levels below a root, inclusive. Each level is a live kernel.
    #: Seconds without a report until a worker whose process is gone counts as lost.
    lease: float = 9.0
    silence: float = 60.0  #: The same for a worker whose process is still alive.
    #: Seconds that the poll of a worker is held open while there is nothing to do.
    poll: float = 3.0
    #: Seconds without work or requests until the engine stops.
    idle_exit: float = 600.0
    #: "fork": kernels come from a fork server, where possible; "plain": never.
    kernel: str = "fork"
    #: Modules that a fork server imports for its kernels.
    preload: tuple[str, ...] = ()
    ready_kernels: int = 2  #: Kernels that a fork server keeps ready.
    kernel_start: float = 60.0  #: Seconds a kernel may take to respond.
    cancel_grace: float = 5.0  #: Seconds from the interrupt to the kill of a cancel.
    save_every: float = 1.0  #: Seconds between saves of a running output notebook.
    #: Kernels of failed executions that are kept until the failure is decided.
    parked_kernels: int = 8
    parked_hours: float = 12.0  #: How long such a kernel is kept, inclusive.
    #: Memory that all of them may use together, inclusive; 1,000,000 bytes each.
    parked_megabytes: int = 4096
    #: Which environment variables of the process that starts a run its flows see.
    pass_environment: NamePatterns = ALL_NAMES
    max_losses: int = 3  #: How often an execution starts again after a lost worker.
    #: Characters of the log of one execution, inclusive; then it is cut.
    log_characters: int = 1024 * 1024
    #: Characters of stdout or stderr of one cell, inclusive.
    stream_characters: int = 64 * 1024 * 1024
    #: Characters of what one cell displays, inclusive; of all cells four times as many.
    display_characters: int = 64 * 1024 * 1024
    sql_seconds: float = 10.0  #: Time limit of one SQL query.
    sql_rows: int = 100_000  #: Rows of one result, inclusive; then it says it is cut.
    #: Bytes of one result, about; then it says it is cut.
    sql_bytes: int = 64 * 1024 * 1024
    #: Memory of all queries that are under way, inclusive; 1,048,576 bytes each.
    sql_megabytes: int = 1024
    #: Ended families that were created before so many days are deleted; 0: never.
    keep_days: float = 0.0
    #: Ended families beyond so many, the newest, are deleted, too; 0: never.
    keep_count: int = 0
    #: DuckDB's memory limit. Its own default would be 80 % of the machine.
    memory: str = "512MB"

    @property
    def slot_count(self) -> int:
        """Executions that run at a time, 1 or more."""
        return self.slots or _cores()


def load_config(
    home: Path, *, environ: Mapping[str, str] = os.environ, **arguments: Any
) -> Config:
    """The configuration of a home.

    Args:
        home: The folder of the home.
        arguments: Settings that override all others; None: not given.

    Raises:
        BadArgument: A value has the wrong type, or a name is unknown; says where it is set.
    """
    kinds = {item.name: item.type for item in fields(Config)}
    settings = chain(
        _from_file(home / FILE, kinds),
        _from_environment(environ, kinds),
        ((n, v, "an argument") for n, v in arguments.items() if v is not None),
    )
    values = {
        name: _convert(name, value, kinds[name], origin)
        for name, value, origin in settings
    }
    return Config(**values)


def config_from_json(record: Mapping[str, Any], origin: str) -> Config:
    """The configuration that another process has; `origin` says which, in errors.

    What this version does not know is passed over.

    Raises:
        BadArgument: A value has the wrong type.
    """
    kinds = {item.name: item.type for item in fields(Config)}
    return Config(
        **{
            name: _convert(name, value, kinds[name], origin)
            for name, value in record.items()
            if name in kinds
        }
    )


def _from_file(path: Path, known_names: Collection[str]) -> Iterator[Setting]:
    for name, value in _read_toml(path).items():
        if name not in known_names:
            raise BadArgument(
                f"{path} sets {name!r}, which is not a setting. "
                f"The settings are: {', '.join(sorted(known_names))}."
            )
        yield name, value, str(path)


def _from_environment(
    environ: Mapping[str, str], names: Iterable[str]
) -> Iterator[Setting]:
    for name in names:
        variable = PREFIX + name.upper()
        if environ.get(variable):  # Empty is the same as not set, as in other programs.
            yield name, environ[variable], variable


def misspelled_variables(
    environ: Mapping[str, str] = os.environ,
) -> list[tuple[str, str]]:
    """Environment variables that are no settings and look like one, each with that one."""
    from difflib import get_close_matches

    names = [item.name.upper() for item in fields(Config)]
    all_names = {*names, *OTHER_VARIABLES}
    pairs = []
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name not in all_names:
            nearest = get_close_matches(name.upper(), all_names, n=1, cutoff=NEARNESS)
            pairs += [(variable, PREFIX + nearest[0])] if nearest else []
    return pairs


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadArgument(
            f"{path} is not valid TOML: {error}. Correct or remove it."
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadArgument(
            f"{path} cannot be read: {reason}. Correct or remove it."
        ) from error


def _convert(name: str, value: Any, kind: Any, origin: str) -> Any:
    try:
        setting = _READERS[kind](value)
        if name in _PATTERNS and not _PATTERNS[name][0].fullmatch(str(setting)):
            raise ValueError
        if name in _HIGHEST and setting > _HIGHEST[name][0]:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        words = (*_PATTERNS.get(name, ()), *_HIGHEST.get(name, ()))
        expected = words[1] if words else _KIND_NAMES[kind]
        raise BadArgument(
            f"`{name}` is {value!r} in {origin}; `{name}` takes {expected}. The default is "
            f"{getattr(Config(), name)!r}."
        ) from None
    return setting


def _whole(value: Any) -> int:
    number = int(value)
    if isinstance(value, bool | float) or number < 0:
        raise ValueError
    return number


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not 0 <= number < inf:  # False for NaN, too.
        raise ValueError
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _names(value: Any) -> tuple[str, ...]:
    """Names of modules: a list in TOML, or text with commas in the environment."""
    parts = value.split(",") if isinstance(value, str) else value
    names = tuple(_text(part).strip() for part in parts)
    if not all(part.isidentifier() for name in names for part in name.split(".")):
        raise ValueError
    return names


def _patterns(value: Any) -> NamePatterns:
    """Shell patterns: a list in TOML, or text with commas in the environment."""
    parts = value.split(",") if isinstance(value, str) else value
    patterns = NamePatterns([_text(part).strip() for part in parts])
    if not isinstance(value, str | list | tuple) or not all(patterns):
        raise ValueError
    return patterns


#: Settings whose text must match a pattern, and the words for it.
_PATTERNS = {
    "memory": (
        re.compile(r"\d+(\.\d+)?\s*[KMGT]i?B", re.IGNORECASE),
        "an amount such as '2GB'",
    ),
    "kernel": (re.compile(r"fork|plain"), "'fork' or 'plain'"),
}
#: Settings that have a highest value, inclusive, and the words for it.
_HIGHEST = {
    "parked_hours": (MAX_PARKED_HOURS, f"a number from 0 to {MAX_PARKED_HOURS:,.0f}"),
}
#: What reads a setting, by the type of its field. A new type needs a line here and below.
_READERS: dict[Any, Callable[[Any], Any]] = {
    int: _whole,
    float: _number,
    str: _text,
    tuple[str, ...]: _names,
    NamePatterns: _patterns,
}
#: What a setting takes, in words, by the type of its field.
_KIND_NAMES: dict[Any, str] = {
    int: "a whole number of 0 or more",
    float: "a number of 0 or more",
    str: "text",
    tuple[str, ...]: "names of modules, such as ['numpy', 'pandas']",
    NamePatterns: "shell patterns of names, such as ['AWS_*', 'API_KEY']",
}
