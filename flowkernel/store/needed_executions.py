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


def adopters_of(
    under_way: Iterable[Execution], find: Find
) -> Iterator[tuple[Execution, Execution]]:
    """What adopted one of these, or what is above one: only by it a cancel reaches that.

    Yields:
        The one that has not ended, and the adopter; each adopter once.
    """
    seen: set[str] = set()
    for execution in under_way:
        one: Execution | None = execution
        while one is not None and one.execution_id not in seen:
            seen.add(one.execution_id)
            adopter = find(one.adopted_by) if one.adopted_by else None
            if adopter is not None:
                yield execution, adopter
            one = find(one.current_parent_id) if one.current_parent_id else None
