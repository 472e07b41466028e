"""What flowkernel records, in one DuckDB file. The only package that uses duckdb."""

from flowkernel.store.sql import Answer
from flowkernel.store.store import Store

__all__ = ["Answer", "Store"]
