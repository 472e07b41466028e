"""The name of the person who uses the panel, as Jupyter Server knows it. Pure but for one."""

import re
from typing import Any

from flowkernel.client.starter_name import user_name
from flowkernel.core.text import one_line

MAX_PERSON = 80  #: Characters of a name, inclusive.
#: A Jupyter Server with one shared token invents a name for each browser.
_INVENTED_ID = re.compile(r"[0-9a-f]{32}")


def person_name(user: Any) -> str:
    """The name of a user of Jupyter Server.

    Where Jupyter Server does not know who it is, that of the account it runs as.
    """
    name = str(getattr(user, "display_name", None) or getattr(user, "name", None) or "")
    username = str(getattr(user, "username", None) or "")
    is_invented = name.startswith("Anonymous ") and _INVENTED_ID.fullmatch(username)
    own = "" if is_invented else name or username
    return one_line(own, MAX_PERSON).strip() or user_name()
