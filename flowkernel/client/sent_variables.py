"""The environment variables of this process, as they are sent with a start."""

import os
from collections.abc import Iterable, Mapping
from logging import getLogger

from flowkernel.core.errors import BadArgument
from flowkernel.core.json_record import Json
from flowkernel.core.suggestions import suggestion
from flowkernel.core.variables import is_never_passed, own_variables

log = getLogger(__name__)
FOR_PEOPLE = (
    "A run that a flow starts sees the environment variables of its root. Give it an input "
    "instead."
)
#: Names that were warned about: once in a process is enough.
_warned: set[str] = set()


def sent_variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a flow may see of them. A value that is not UTF-8 stays here, with a warning."""
    values, names = own_variables(environ)
    for name in names:
        if name not in _warned:
            _warned.add(name)
            log.warning("no flow sees the variable %r: it is not UTF-8 text", name)
    return values


def start_variables(variables: Mapping[str, str], *, is_person: bool) -> Json:
    """What the body of a start has about environment variables: fields. A flow sends none.

    Args:
        variables: Those of this start alone, by name; they replace those of this process.

    Raises:
        BadArgument: A flow names some, or one of them is never passed on.
    """
    if not is_person:
        if variables:
            raise BadArgument(FOR_PEOPLE)
        return {}
    never = next(filter(is_never_passed, variables), None)
    if never is not None:
        raise BadArgument(f"The environment variable {never!r} is never passed on.")
    environ = {**sent_variables(), **variables}
    names = {"environ_names": sorted(variables)} if variables else {}
    return {"environ": environ, **names}


def named_variables(
    words: Iterable[str], environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What `-e NAME=VALUE` and `-e NAME` say; the second means the variable of this process.

    Raises:
        BadArgument: This process has no variable of that name; suggests a similar one.
    """
    variables = {}
    for word in words:
        name, is_set, value = word.partition("=")
        if not is_set and name not in environ:
            raise BadArgument(_not_set(name, environ))
        variables[name] = value if is_set else environ[name]
    return variables


def _not_set(name: str, names: Iterable[str]) -> str:
    advice = suggestion(name, names, otherwise=f"Write -e {name}=VALUE.")
    return f"-e {name}: this process has no environment variable of that name. {advice}"
