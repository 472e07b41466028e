"""What a registration takes the place of, in sentences for the person who registers."""

import shlex
from collections.abc import Iterator

from flowkernel.client.client import Client
from flowkernel.client.wrapper_options import shipped_wrappers, wrappers_text
from flowkernel.core.errors import RequestError
from flowkernel.core.models import Flow


def previous_flow(client: Client, name: str) -> Flow | None:
    """The flow that has this name so far; None if there is none, or cannot be one."""
    try:
        return client.get_flow(name)
    except RequestError:  # A name that no flow can have has no path, either.
        return None


def replacement_notes(previous: Flow | None, flow: Flow) -> Iterator[str]:
    """What is different from now on, and how it was before is had again. Pure.

    Args:
        previous: What had the name before; None: nothing.
    """
    name = flow.name
    if flow.is_wrapper and name in shipped_wrappers():
        yield (
            f"It takes the place of the wrapper {name!r} that comes with flowkernel. "
            f"`flowkernel flow delete {shlex.quote(name)}` gives that one back."
        )
    if previous is None:
        return
    if previous.is_wrapper != flow.is_wrapper:
        yield _other_kind(flow)
    if previous.wrappers and not flow.wrappers:
        yield (
            f"{name!r} ran through {wrappers_text(previous.wrappers)}, and no longer "
            f"does. `flowkernel flow wrap {shlex.quote(name)} --using ...` sets it."
        )


def _other_kind(flow: Flow) -> str:
    name = flow.name
    if flow.is_wrapper:
        return (
            f"{name!r} was a flow until now. As a wrapper it runs other flows, and cannot be "
            "started itself."
        )
    if name in shipped_wrappers():
        return (
            f"{name!r} was a wrapper until now. The one of flowkernel is taken again."
        )
    return (
        f"{name!r} was a wrapper until now. As a flow it cannot be around others: a run that "
        "goes through it is refused."
    )
