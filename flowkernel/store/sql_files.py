"""The SQL files beside this module, as text: the schema, the queries and the migrations."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from flowkernel.store import rows

#: `under`: the ids of an execution and of those under it, which they started or adopted.
WITH_UNDER = """\
WITH RECURSIVE edge AS (
    SELECT execution_id, parent_id AS above FROM execution
    WHERE root_id = ANY($root_ids::UUID[])
    UNION ALL
    SELECT execution_id, adopted_by FROM execution
    WHERE root_id = ANY($root_ids::UUID[]) AND adopted_by IS NOT NULL
), under AS (
    SELECT $execution_id::UUID AS execution_id
    UNION
    SELECT edge.execution_id FROM edge JOIN under ON edge.above = under.execution_id
)"""
_NAME = re.compile(r"^-- ([a-z_]+)\n", re.MULTILINE)


@cache  # Read once: an upgrade may replace the package while the engine runs.
def schema() -> str:
    """The tables as they are today."""
    return (files(__package__) / "schema.sql").read_text("utf-8")


@cache
def queries() -> Mapping[str, str]:
    """Every query of `queries.sql` by its name, which is a comment line: `-- name`.

    `{execution_json}` in one is an execution as JSON, made of the fields of the model;
    `{execution_row}` and `{message_row}` are light rows; `{with_under}` is `WITH_UNDER`.
    """
    text = (files(__package__) / "queries.sql").read_text("utf-8")
    text = text.replace("{execution_json}", rows.EXECUTION.light_json)
    text = text.replace("{execution_row}", rows.EXECUTION.light_row_json)
    text = text.replace("{with_under}", WITH_UNDER)
    text = text.replace("{message_row}", rows.MESSAGE.light_row_json)
    _, *parts = _NAME.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def migrations() -> Mapping[int, str]:
    """The SQL that takes an older file to today's tables, by the version it leads to.

    `migrations/0002_journal.sql` leads from version 1 to version 2.
    """
    folder = files(__package__) / "migrations"
    if not folder.is_dir():
        return {}
    steps = {
        int(item.name[:4]): item.read_text("utf-8")
        for item in folder.iterdir()
        if re.fullmatch(r"\d{4}_\w+\.sql", item.name)
    }
    assert sorted(steps) == list(range(2, len(steps) + 2)), "a migration is missing"
    return steps
