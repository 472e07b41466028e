"""What people type for a status, and the columns of lists."""

import pytest

from flowkernel.core.errors import BadArgument
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.columns import parse_status

S = ExecutionStatus


@pytest.mark.parametrize("status", S)
def test_a_status_has_a_label_and_a_stored_value(status):
    assert parse_status(status.label) is status
    assert parse_status(status.label.upper()) is status
    assert parse_status(status.value.lower()) is status


def test_the_error_for_an_unknown_status_lists_all():
    with pytest.raises(BadArgument, match=r"no status 'done'.*not started, .*PENDING"):
        parse_status("done")
