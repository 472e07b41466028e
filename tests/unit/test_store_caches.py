"""What is known by heart: bounded, and never changed under who looks at it."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from flowkernel.store.caches import Births, BoundedCache, PersistentMap

KEYS = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(st.dictionaries(KEYS, st.integers()), st.sets(KEYS))))
def test_shelves_are_what_a_dict_would_be_and_old_ones_stay(changes):
    shelves: PersistentMap[int] = PersistentMap()
    plain: dict[str, int] = {}
    kept = [(shelves, plain)]

    for put, drop in changes:
        shelves = shelves.changed(put, drop)
        plain = {k: v for k, v in {**plain, **put}.items() if k not in drop}
        kept.append((shelves, plain))

    for one, other in kept:
        assert dict(one) == dict(one.items()) == other
        assert sorted(one.values()) == sorted(other.values())
        assert (len(one), set(one)) == (len(other), set(other))


def test_a_change_of_one_among_many_copies_few():
    many = PersistentMap({str(number): number for number in range(10_000)})

    changed = many.changed({"7": 0}, ["8"])

    shared = [a is b for a, b in zip(many._shelves, changed._shelves, strict=True)]
    assert shared.count(False) <= 2
    assert (many["7"], changed["7"], len(changed)) == (7, 0, 9_999)


def test_an_id_is_only_called_new_if_that_is_certain():
    births = Births("b", limit=2)

    births.add(["d"])
    births.add(["f"])
    births.add(["h"])

    assert [births.is_new(id_) for id_ in "abcdefghi"] == [
        False, False, False, False, True, False, True, False, True,
    ]  # fmt: skip


def test_what_is_kept_is_bounded_in_number_and_in_bytes():
    kept: BoundedCache[str] = BoundedCache(count=3, size=100)

    for key in "abcd":
        kept.put(key, key.upper(), 10)
    assert [kept.get(key) for key in "abcd"] == [None, "B", "C", "D"]

    kept.put("e", "E", 85)
    assert [kept.get(key) for key in "bcde"] == [None, None, "D", "E"]
    kept.put("f", "F", 101)
    assert [kept.get(key) for key in "def"] == [None, None, None]


def test_the_way_from_start_to_end_reads_no_table(monkeypatch):
    """Else each request would cost milliseconds, and more with a longer history."""
    from flowkernel.config import Config
    from flowkernel.core.models import EventKind, Flow, FlowKind
    from flowkernel.engine.service import Service, make_event
    from flowkernel.engine.start_plan import StartRequest
    from flowkernel.home import Home
    from flowkernel.store import Store
    from flowkernel.store.pool import CursorPool
    from tests.unit.test_store import new_id

    with Store(":memory:") as store:
        service = Service(store, Home(None), Config())  # type: ignore[arg-type]
        service.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
        monkeypatch.setattr(CursorPool, "read", lambda *_, **__: 1 / 0)

        parent = service.start(StartRequest(execution_id=new_id(), flow="f"))
        store.append([make_event(parent.execution_id, EventKind.STARTED, worker="w")])
        call = StartRequest(
            execution_id=new_id(),
            flow="f",
            parent_id=parent.execution_id,
            call_key="f#0",
        )
        child = service.start(call)
        again = service.start(replace(call, execution_id=new_id()))
        assert again.execution_id == child.execution_id
        store.get_version(child.flow_version)
        for one in (child, parent):
            ended = make_event(
                one.execution_id, EventKind.ENDED, status="ENDED_SUCCESS"
            )
            started = make_event(one.execution_id, EventKind.STARTED, worker="w")
            store.append([started, ended], strict=False)

        assert store.get_execution(child.execution_id).status == "ENDED_SUCCESS"
        monkeypatch.undo()
