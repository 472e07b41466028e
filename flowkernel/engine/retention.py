"""Letting old families go: their rows, their part of the journal, their output notebooks."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from logging import getLogger
from pathlib import Path

from flowkernel.core.clock import now
from flowkernel.core.errors import BadArgument, FlowkernelError, MoveNotAllowed
from flowkernel.core.models import JsonRecord
from flowkernel.engine.service import Service

CHUNK = 10_000  #: Executions that go in one transaction, about: families stay whole.
DAY = 86_400.0  #: Seconds between two automatic prunes.
log = getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneResult(JsonRecord):
    """What went, or would."""

    families: int
    executions: int
    notebooks: int = 0  #: Output notebooks that were removed.
    bytes: int = 0  #: What they took, and what the journal took.


def prune(
    service: Service, *, days: float | None, keep: int | None, is_dry: bool = False
) -> PruneResult:
    """Let families go all of which ended, and whose root is older than `days`, or which are
    not among the newest `keep`. Everything else goes on.

    Raises:
        BadArgument: Neither is given.
    """
    if days is None and keep is None:
        raise BadArgument(
            "Say what may go: older than so many days, beyond the newest so many, or both."
        )
    before = now() - timedelta(days=days) if days is not None else None
    found = service.store.prunable(created_before=before, keep=keep)
    told = PruneResult(families=len(found), executions=sum(count for _, count in found))
    if is_dry or not found:
        return told
    removed = [
        size
        for roots in chunks(found)
        for path in service.store.prune(roots)
        if (size := remove(service.home.path, path)) is not None
    ]
    return PruneResult(
        families=told.families,
        executions=told.executions,
        notebooks=len(removed),
        bytes=sum(removed) + max(0, service.store.prune_journal()),
    )


def delete(service: Service, execution_id: str) -> None:
    """Let an execution go, and everything under it, with its events and output notebooks.

    Raises:
        MoveNotAllowed: Some of it has not ended. None of it goes.
    """
    top, below = service.subtree(execution_id)
    live = [one for one in service.live_under(top) if not one.status.is_ended]
    if live:
        raise MoveNotAllowed(live[0].execution_id, live[0].status, "deleted")
    ids = [execution_id, *(member.execution_id for member in below)]
    for path in service.store.prune(ids):
        remove(service.home.path, path)


def chunks(found: list[tuple[str, int]]) -> Iterator[list[str]]:
    """The roots, so that those of one chunk have no more than `CHUNK` members in all; a
    family with more is a chunk of its own."""
    roots: list[str] = []
    total = 0
    for root_id, count in found:
        if roots and total + count > CHUNK:
            yield roots
            roots, total = [], 0
        roots.append(root_id)
        total += count
    yield roots


def remove(home: Path, path: str) -> int | None:
    """Remove an output notebook, and say how large it was; None if it is not there.

    A path that leads out of the folder of the notebooks is left alone.
    """
    folder = (home / "notebooks").resolve()
    file = (home / path).resolve()
    if folder not in file.parents:
        return None
    with suppress(OSError):
        size = file.stat().st_size
        file.unlink()
        return size
    return None


async def prune_daily(service: Service) -> None:
    """What the configuration wants kept stays, and the rest goes, once a day."""
    days, keep = service.config.keep_days or None, service.config.keep_count or None
    while days is not None or keep is not None:
        try:
            told = await asyncio.to_thread(prune, service, days=days, keep=keep)
            if told.executions:
                log.warning(f"pruned {told.executions} executions, {told.bytes} bytes")
        except FlowkernelError:
            log.exception("could not prune")
        await asyncio.sleep(DAY)
