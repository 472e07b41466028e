"""Which environment variables a flow sees, and which our own processes keep. Pure.

A flow sees those of the process that started its root. Engine, worker and fork server have a
fixed list of harmless names: nobody's values are there because of who started them. The client
in a kernel uses this, so it needs the standard library alone.
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache

from flowkernel.core.errors import BadArgument, BadValue

#: Bytes of all names and values of one start, inclusive.
MAX_BYTES = 256 * 1024
MAX_SHOWN = 8  #: Names that a sentence lists, inclusive.
#: What our own processes have of the one that starts them: where things are, and in which
#: language and zone. Names, and how names begin.
BASE_NAMES = frozenset(
    {
        *("PATH", "HOME", "HOMEDRIVE", "HOMEPATH", "USER", "LOGNAME", "SHELL"),
        *("LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
        *("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "LD_LIBRARY_PATH", "LD_PRELOAD"),
        *("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER"),
        *("CONDA_EXE", "CONDA_PYTHON_EXE", "CONDA_SHLVL"),
        *("JUPYTER_NO_CONFIG", "JUPYTER_CONFIG_DIR", "JUPYTER_CONFIG_PATH"),
        *("JUPYTER_DATA_DIR", "JUPYTER_PATH", "JUPYTER_PLATFORM_DIRS"),
        *("JUPYTER_RUNTIME_DIR", "JUPYTER_PREFER_ENV_PATH"),
        *("JUPYTER_ALLOW_INSECURE_WRITES",),
        *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE"),
        *("APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    }
)
#: No other names of common tools may begin so: they would be passed on, secrets among them.
BASE_PREFIXES = (
    *("FLOWKERNEL_", "LC_", "XDG_", "PYTHON", "COVERAGE_", "COV_CORE_", "DYLD_"),
    *("IPYTHON", "MPL", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "CUDA_"),
    *("ARROW_", "MALLOC_"),
)
#: What is about the starting process itself, or made by each kernel: no flow sees it.
NEVER_NAMES = frozenset(
    {
        *("_", "SHLVL", "PWD", "OLDPWD", "TERM", "COLUMNS", "LINES", "DISPLAY"),
        *("WAYLAND_DISPLAY", "XAUTHORITY", "WINDOWID", "SSH_TTY"),
    }
)
NEVER_PREFIXES = ("FLOWKERNEL_", "JPY_", "PYTEST_", "PYDEVD_", "BASH_FUNC_")
#: Set in workers and kernels, as in ipykernel's own kernelspec: no warning of the debugger
#: about frozen modules.
QUIET_DEBUGGER = "PYDEVD_DISABLE_FILE_VALIDATION"
#: A kernel sets this to a module of its own; in another kernel it is the same by default.
INLINE = "module://"


def base_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a process of ours has of the environment of the one that starts it."""
    return {name: value for name, value in environ.items() if _is_base(name)}


def _is_base(name: str) -> bool:
    return name in BASE_NAMES or name.startswith(BASE_PREFIXES)


def is_never_passed(name: str) -> bool:
    """Whether no flow sees a variable of this name that came with its start."""
    return name in NEVER_NAMES or name.startswith(NEVER_PREFIXES)


def own_variables(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What a starting process sends of its environment, and the names that are no text.

    A value that is not UTF-8 cannot be sent.
    """
    values, unsendable = {}, []
    for name, value in environ.items():
        if is_never_passed(name) or (name == "MPLBACKEND" and value.startswith(INLINE)):
            continue
        if _is_text(name) and _is_text(value):
            values[name] = value
        else:
            unsendable.append(name)
    return values, unsendable


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def passed_variables(environ: object, patterns: Iterable[str]) -> dict[str, str]:
    """What a flow sees of the variables that came with a start.

    Args:
        environ: As it came with the request: JSON.
        patterns: The setting `pass_environment`. The names of the fixed list pass, too.

    Raises:
        BadArgument, BadValue: It is no object of texts, or is too large. No value is shown.
    """
    if not isinstance(environ, dict):
        raise BadArgument("`environ` is no object of names and texts. Leave it out.")
    passes = _pattern(tuple(patterns)).match
    values = {
        name: _checked(name, environ[name])
        for name in sorted(environ)
        if not is_never_passed(name) and (passes(name) or _is_base(name))
    }
    _check_size(values)
    return values


def _checked(name: str, value: object) -> str:
    """The value.

    Raises:
        BadValue: A system cannot have such a variable.
    """
    label = f"The environment variable {name[:60]!r}"
    if not name or "=" in name or "\0" in name:
        raise BadValue(f"{label} has a name that no system takes. Leave it out.")
    if not isinstance(value, str):
        raise BadValue(f"{label} has a value that is no text. Send it as text.")
    if "\0" in value:
        raise BadValue(f"{label} has the character NUL in its value. Remove it.")
    return value


def _check_size(values: Mapping[str, str]) -> None:
    sizes = {name: len(f"{name}={value}\0".encode()) for name, value in values.items()}
    size = sum(sizes.values())
    if size > MAX_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise BadValue(
            f"The environment variables of this start have {size:,} bytes; the limit is "
            f"{MAX_BYTES:,}. The largest is {largest[:60]!r}, with {sizes[largest]:,}. Unset "
            "it, or set `pass_environment` in config.toml to the names that flows need."
        )


@lru_cache(maxsize=64)
def _pattern(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Shell patterns of names, as one regular expression."""
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")


def names_text(names: Iterable[str]) -> str:
    """Some names for a sentence: first those that are not the same for everybody."""
    ordered = sorted(names, key=lambda n: (_is_base(n), n))
    rest = len(ordered) - MAX_SHOWN
    return ", ".join(ordered[:MAX_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
