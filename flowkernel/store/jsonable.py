"""Values as DuckDB gives them, as JSON."""

import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from flowkernel.models import Json


def jsonable(value: Any) -> Json:
    """Moments as ISO 8601, durations as seconds, bytes as hex; no NaN and no infinity."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case Mapping():
            return {str(jsonable(key)): jsonable(part) for key, part in value.items()}
        case list() | tuple() | set():
            return [jsonable(part) for part in value]
        case _:
            return str(value)
