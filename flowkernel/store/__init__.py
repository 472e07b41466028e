"""What flowkernel records, in one DuckDB file. The only package that uses duckdb."""

from flowkernel.store.batch import Batch, Change, checked_event
from flowkernel.store.commit import Commit
from flowkernel.store.queries import HEAVY, FamilyMember
from flowkernel.store.store import Store
from flowkernel.store.user_sql import SqlLimits, SqlResult, took_too_long

__all__ = [
    "HEAVY",
    "Batch",
    "Change",
    "Commit",
    "FamilyMember",
    "SqlLimits",
    "SqlResult",
    "Store",
    "checked_event",
    "took_too_long",
]
