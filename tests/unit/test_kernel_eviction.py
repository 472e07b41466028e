"""Parked kernels are limited in number, age and memory; the oldest goes first."""

from hypothesis import given
from hypothesis import strategies as st

from flowkernel.worker.kernel_eviction import (
    EvictionCandidate,
    ParkedLimits,
    evictions,
)

LIMITS = ParkedLimits(kernels=2, seconds=3600.0, memory=1_000)


def parked(**ages):
    return [
        EvictionCandidate(execution_id=name, seconds=age, memory=memory)
        for name, (age, memory) in ages.items()
    ]


def test_kernels_within_the_limits_stay():
    assert evictions(parked(a=(3600.0, 500), b=(1.0, 500)), LIMITS) == {}


def test_of_too_many_kernels_the_oldest_goes():
    reasons = evictions(parked(young=(1.0, 1), old=(3.0, 1), middle=(2.0, 1)), LIMITS)

    assert list(reasons) == ["old"]
    assert "2 are kept at most" in reasons["old"]


def test_a_kernel_that_is_too_old_goes():
    reasons = evictions(parked(a=(3601.0, 1)), LIMITS)

    assert reasons == {"a": "It was kept for 1 h, which is the limit."}


def test_of_kernels_that_use_too_much_memory_the_oldest_goes():
    reasons = evictions(parked(old=(2.0, 600), young=(1.0, 600)), LIMITS)

    assert list(reasons) == ["old"]


def test_a_kernel_that_is_too_large_alone_goes():
    assert list(evictions(parked(a=(1.0, 1_001)), LIMITS)) == ["a"]


MANY = st.lists(st.tuples(st.floats(0, 7200), st.integers(0, 2_000)), max_size=8).map(
    lambda ages: parked(**{f"k{n}": age for n, age in enumerate(ages)})
)


@given(MANY)
def test_the_remaining_kernels_are_within_the_limits(kernels):
    reasons = evictions(kernels, LIMITS)
    remaining = [k for k in kernels if k.execution_id not in reasons]

    assert len(remaining) <= LIMITS.kernels
    assert sum(kernel.memory for kernel in remaining) <= LIMITS.memory
    assert all(kernel.seconds <= LIMITS.seconds for kernel in remaining)
    assert evictions(remaining, LIMITS) == {}


def test_what_waits_for_a_decision_stays_longer_than_what_is_over():
    kernels = parked(failed=(3000.0, 1), asked=(2000.0, 1))
    kernels += [
        EvictionCandidate(execution_id=name, seconds=age, memory=1, has_ended=True)
        for name, age in {"newest": 1.0, "older": 10.0}.items()
    ]

    assert list(evictions(kernels, LIMITS)) == ["older", "newest"]
