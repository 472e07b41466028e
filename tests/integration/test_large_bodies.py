"""Large bodies at once: they are read one after another, and others are served meanwhile."""

import threading

import httpx
import pytest

from flowkernel.engine.api import app
from flowkernel.engine.api.body_budget import SMALL, BodyBudget
from flowkernel.home import EngineFile
from tests.stage import engine_in_process

pytestmark = pytest.mark.kernel  # It takes seconds.

COUNT = 10
LARGE = {"name": "f", "kind": "CELL", "source": "#" * 4 * SMALL}


class WatchedBudget(BodyBudget):
    """Room for one large body; it remembers how much was taken at most."""

    most = 0

    def __init__(self):
        super().__init__(max_bytes=5 * SMALL)

    def _serve(self):
        super()._serve()
        self.most = max(self.most, self.max_bytes - self._free)


@pytest.fixture
def budget(monkeypatch):
    budget = WatchedBudget()
    monkeypatch.setattr(app, "BodyBudget", lambda: budget)
    return budget


def rest_client(client):
    engine = EngineFile.read(client.home)
    token = {"Authorization": f"Bearer {engine.token}"}
    return httpx.Client(
        base_url=f"{engine.url}/api/latest",
        headers={**token, "Content-Type": "application/json"},
        timeout=60,
    )


@pytest.mark.parametrize("is_chunked", [False, True])
def test_large_bodies_at_once_take_the_memory_of_a_few(own_home, budget, is_chunked):
    with engine_in_process(own_home) as client, rest_client(client) as rest:
        body = httpx.Request("POST", "http://x", json=LARGE).content
        statuses = []

        def send():
            response = rest.post("/flow", content=iter([body]) if is_chunked else body)
            statuses.append(response.status_code)

        threads = [threading.Thread(target=send) for _ in range(COUNT)]
        for thread in threads:
            thread.start()
        assert client.get("/engine")["pid"] > 0
        for thread in threads:
            thread.join()

        assert statuses == [200] * COUNT or statuses == [201] * COUNT
        assert SMALL < budget.most <= budget.max_bytes
