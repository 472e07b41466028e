"""What flowkernel records, in one DuckDB file. The only package that uses duckdb."""

from flowkernel.store.questions import HEAVY, Member
from flowkernel.store.sql import Answer, Limits
from flowkernel.store.store import Store

__all__ = ["HEAVY", "Answer", "Limits", "Member", "Store"]
