"""What has ended and is still needed by something that has not. Pure."""

from collections.abc import Callable, Iterable, Iterator

from flowkernel.core.models import Execution

#: Finds an execution by its id; None: it was deleted.
Find = Callable[[str], Execution | None]


def retried_by(under_way: Iterable[Execution], find: Find) -> dict[str, Execution]:
    """What these executions are retries of, and that of others, and so on, by id."""
    retried: dict[str, Execution] = {}
    for execution in under_way:
        previous_id = execution.retry_of
        while previous_id is not None and previous_id not in retried:
            previous = find(previous_id)
            if previous is None:
                break
            retried[previous_id] = previous
            previous_id = previous.retry_of
    return retried


def adopters_of(under_way: Iterable[Execution], find: Find) -> Iterator[Execution]:
    """What has adopted one of these executions: only by it a cancel reaches them."""
    for execution in under_way:
        adopter = find(execution.adopted_by) if execution.adopted_by else None
        if adopter is not None:
            yield adopter
