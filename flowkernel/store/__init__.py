"""What flowkernel records, in one DuckDB file. The only package that uses duckdb."""

from flowkernel.store.queries import HEAVY, Member
from flowkernel.store.store import Store
from flowkernel.store.user_sql import Answer, Limits

__all__ = ["HEAVY", "Answer", "Limits", "Member", "Store"]
