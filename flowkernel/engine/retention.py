"""Deletes old families: their rows, their part of the journal, their output notebooks."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from logging import getLogger

from flowkernel.core.clock import now
from flowkernel.core.errors import BadArgument, MoveNotAllowed
from flowkernel.core.json_record import JsonRecord
from flowkernel.engine.erasure import Erasure
from flowkernel.engine.notebook_removal import delete_with_notebooks, remove_left
from flowkernel.engine.service import Service
from flowkernel.store import Batch, members_under, starter_of

#: Executions that are deleted in one transaction, about: families stay whole.
CHUNK = 10_000
#: Before it nothing was run; so many days may be taken from it.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400.0  #: Seconds between two automatic prunes.
log = getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneResult(JsonRecord):
    """What was deleted, or would be."""

    families: int
    executions: int
    notebooks: int = 0  #: Output notebooks that were removed.
    bytes: int = 0  #: Their size, and that of the part of the journal.
    as_of: str = ""  #: The moment whose families they are.


def prune(
    service: Service,
    *,
    days: float | None,
    keep: int | None,
    is_dry: bool = False,
    as_of: datetime | None = None,
) -> PruneResult:
    """Delete old families that have ended as a whole. Everything else continues.

    Those that a retry needs, which has not ended, are kept.

    Args:
        days: Delete those whose root is older.
        keep: Delete those that are not among so many, the newest.
        is_dry: Only count.
        as_of: The families are those of this moment, such as of a dry run; None: of now.

    Raises:
        BadArgument: Neither `days` nor `keep` is given.
    """
    if days is None and keep is None:
        raise BadArgument(
            "Say what may go: older than so many days, beyond the newest so many, or both."
        )
    moment = max(as_of or now(), EPOCH)
    created_before = moment - timedelta(days=days) if days is not None else None
    limits = {"as_of": as_of, "created_before": created_before}
    prunable = service.store.prunable(**limits, keep=keep)
    needed = service.store.decide(Batch.retried_roots)
    families = [family for family in prunable if family[0] not in needed]
    sizes = [] if is_dry else _delete_families(service, families)
    return PruneResult(
        families=len(families),
        executions=sum(count for _root_id, count in families),
        notebooks=len(sizes),
        bytes=sum(sizes)
        + _pruned_journal(service, is_due=bool(families and not is_dry)),
        as_of=moment.isoformat(),
    )


def _pruned_journal(service: Service, *, is_due: bool) -> int:
    """The bytes of the journal that went, if it is to be pruned."""
    return max(0, service.store.prune_journal()) if is_due else 0


def _delete_families(service: Service, families: list[tuple[str, int]]) -> list[int]:
    """The sizes of the output notebooks that were removed, in bytes."""
    store, home = service.store, service.home.path
    return [
        size
        for root_ids in chunks(families)
        for size in delete_with_notebooks(
            store, home, root_ids, partial(store.prune, root_ids)
        )
    ]


def delete(service: Service, erasure: Erasure, execution_id: str) -> None:
    """Delete an execution, and all that was started under it, with events and notebooks.

    What it has adopted stays: that belongs to the record of another one.

    What is left of it in files is removed by the erasure, later.

    Raises:
        MoveNotAllowed: Some of it has not ended, or its retry has not, which needs it.
            Nothing is deleted.
    """
    top = service.store.get_execution(execution_id)
    family = service.store.family(top.root_id)
    members = members_under(execution_id, family, starter_of)
    ids = {execution_id, *(member.execution_id for member in members)}
    for execution in filter(None, map(service.store.live.get, ids)):
        raise MoveNotAllowed(execution.execution_id, execution.status, "deleted")
    store, home = service.store, service.home.path
    with erasure.deleting(ids):
        delete_with_notebooks(
            store, home, ids, partial(store.delete, execution_id, ids)
        )


def chunks(families: list[tuple[str, int]], size: int = CHUNK) -> Iterator[list[str]]:
    """The roots of families, in chunks of at most `size` executions in all.

    A family with more is a chunk of its own.

    Args:
        families: The id of each root, and how many executions its family has.
    """
    root_ids: list[str] = []
    total = 0
    for root_id, count in families:
        if root_ids and total + count > size:
            yield root_ids
            root_ids, total = [], 0
        root_ids.append(root_id)
        total += count
    yield root_ids


async def prune_daily(service: Service) -> float | None:
    """Delete what the configuration does not keep; the seconds until the next time.

    The first time, remove also what an engine was killed before it could remove.
    """
    await asyncio.to_thread(remove_left, service.store, service.home.path)
    days, keep = service.config.keep_days or None, service.config.keep_count or None
    if days is None and keep is None:
        return None
    result = await asyncio.to_thread(prune, service, days=days, keep=keep)
    if result.executions:
        log.warning(f"pruned {result.executions} executions, {result.bytes} bytes")
    return DAY
