"""The environment variables of this process, as they are sent with a start."""

import os
from collections.abc import Mapping
from logging import getLogger

from flowkernel.core.variables import own_variables

log = getLogger(__name__)
#: Names that were warned about: once in a process is enough.
_warned: set[str] = set()


def sent_variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a flow may see of them. A value that is not UTF-8 stays here, with a warning."""
    values, refused = own_variables(environ)
    for name in refused:
        if name not in _warned:
            _warned.add(name)
            log.warning("no flow sees the variable %r: it is not UTF-8 text", name)
    return values
