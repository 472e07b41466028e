"""What flowkernel records, in one DuckDB file. The only package that uses duckdb."""

from flowkernel.store.batch import Batch, Change
from flowkernel.store.commit import Commit
from flowkernel.store.event_checks import checked_event
from flowkernel.store.families import Ancestor, FamilyMember, members_under, starter_of
from flowkernel.store.family_queries import HEAVY
from flowkernel.store.rows import EXECUTION, MESSAGE
from flowkernel.store.seq_pages import ChangedRow, ChangePage, EventPage
from flowkernel.store.store import Store
from flowkernel.store.user_sql import SqlLimits, SqlResult, took_too_long

__all__ = [
    "EXECUTION",
    "HEAVY",
    "MESSAGE",
    "Ancestor",
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
    "members_under",
    "starter_of",
    "took_too_long",
]
