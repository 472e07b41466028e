"""Parked kernels are limited in number, age and memory; the oldest goes first."""

from hypothesis import given
from hypothesis import strategies as st

from flowkernel.worker.kernel_eviction import ParkedLimits, ParkedRun, to_go

ROOM = ParkedLimits(kernels=2, seconds=3600.0, memory=1_000)


def parked(**ages):
    return [
        ParkedRun(execution_id=name, seconds=age, memory=memory)
        for name, (age, memory) in ages.items()
    ]


def test_what_there_is_room_for_stays():
    assert to_go(parked(a=(3600.0, 500), b=(1.0, 500)), ROOM) == {}


def test_the_oldest_makes_room():
    gone = to_go(parked(young=(1.0, 1), old=(3.0, 1), middle=(2.0, 1)), ROOM)

    assert list(gone) == ["old"]
    assert "2 are kept at most" in gone["old"]


def test_what_is_too_old_goes():
    gone = to_go(parked(a=(3601.0, 1)), ROOM)

    assert gone == {"a": "It was kept for 1 h, which is the limit."}


def test_what_takes_too_much_goes_the_oldest_first():
    gone = to_go(parked(old=(2.0, 600), young=(1.0, 600)), ROOM)

    assert list(gone) == ["old"]


def test_one_that_is_too_big_alone_goes_too():
    assert list(to_go(parked(a=(1.0, 1_001)), ROOM)) == ["a"]


MANY = st.lists(st.tuples(st.floats(0, 7200), st.integers(0, 2_000)), max_size=8).map(
    lambda ages: parked(**{f"k{n}": age for n, age in enumerate(ages)})
)


@given(MANY)
def test_what_stays_fits(kernels):
    gone = to_go(kernels, ROOM)
    left = [one for one in kernels if one.execution_id not in gone]

    assert len(left) <= ROOM.kernels
    assert sum(one.memory for one in left) <= ROOM.memory
    assert all(one.seconds <= ROOM.seconds for one in left)
    assert to_go(left, ROOM) == {}
