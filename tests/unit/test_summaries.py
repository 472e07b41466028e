"""What the panel shows of many runs at once, made from their rows."""

import asyncio

import pytest

from flowkernel.core.errors import BadArgument
from flowkernel.server_extension.summaries import Summaries


@pytest.mark.parametrize(
    "since", ["", "2026-01-01T00:00:00", "' OR 1=1", "0001-01-01T00:00:00+14:00"]
)
def test_a_moment_without_a_zone_or_that_utc_does_not_have_is_refused(since):
    with pytest.raises(BadArgument, match=r"^`since` is .*; it should be a moment"):
        asyncio.run(Summaries(None).home(since))
