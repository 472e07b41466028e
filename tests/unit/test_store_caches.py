"""What the store holds in memory: bounded, and never changed while it is read."""

from dataclasses import replace

from flowkernel.store.caches import BoundedCache, NewIdFilter


def test_an_id_is_only_called_new_if_that_is_certain():
    id_filter = NewIdFilter("b", limit=2)

    id_filter.add(["d"])
    id_filter.add(["f"])
    id_filter.add(["h"])

    assert [id_filter.is_new(id_) for id_ in "abcdefghi"] == [
        False, False, False, False, True, False, True, False, True,
    ]  # fmt: skip


def test_a_cache_is_bounded_in_bytes():
    cache: BoundedCache[str] = BoundedCache(size=100)

    for key in "abcd":
        cache.put(key, key.upper(), 30)
    assert [cache.get(key) for key in "abcd"] == [None, "B", "C", "D"]

    cache.put("b", "newer", 30)
    cache.put("e", "E", 30)
    assert [cache.get(key) for key in "bcde"] == ["newer", None, "D", "E"]
    cache.put("f", "too large", 101)
    assert [cache.get(key) for key in "bdef"] == ["newer", "D", "E", None]


def test_an_execution_reads_no_table_from_start_to_end(monkeypatch):
    """Else each request would cost milliseconds, and more with a longer history."""
    from flowkernel.config import Config
    from flowkernel.core.clock import new_id
    from flowkernel.core.models import EventKind, Flow, FlowKind
    from flowkernel.engine.service import Service, make_event
    from flowkernel.engine.start_plan import StartRequest
    from flowkernel.home import Home
    from flowkernel.store import Store
    from flowkernel.store.pool import CursorPool

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
        repeated = service.start(replace(call, execution_id=new_id()))
        assert repeated.execution_id == child.execution_id
        store.get_version(child.flow_version)
        for execution in (child, parent):
            ended = make_event(
                execution.execution_id, EventKind.ENDED, status="ENDED_SUCCESS"
            )
            started = make_event(execution.execution_id, EventKind.STARTED, worker="w")
            store.append([started, ended], strict=False)

        assert store.get_execution(child.execution_id).status == "ENDED_SUCCESS"
        monkeypatch.undo()
