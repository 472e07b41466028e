"""What flowkernel records, in one DuckDB file. The only package that uses duckdb."""

from flowkernel.store.batch import Batch, Change, checked_event
from flowkernel.store.commit import Commit
from flowkernel.store.queries import HEAVY, FamilyMember
from flowkernel.store.rows import EXECUTION, MESSAGE
from flowkernel.store.seq_pages import ChangedRow, ChangePage, EventPage
from flowkernel.store.store import Store
from flowkernel.store.user_sql import SqlLimits, SqlResult, took_too_long

__all__ = [
    "EXECUTION",
    "HEAVY",
    "MESSAGE",
    "Batch",
    "Change",
    "ChangePage",
    "ChangedRow",
    "Commit",
    "EventPage",
    "FamilyMember",
    "SqlLimits",
    "SqlResult",
    "Store",
    "checked_event",
    "took_too_long",
]
