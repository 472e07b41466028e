"""The panel while its engine comes and goes, and on the kernel of a run that failed."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from jupyter_client.blocking import BlockingKernelClient

from tests.conftest import a_home, engines_of, kill_engine, until
from tests.jupyter import jupyter_server

pytestmark = pytest.mark.kernel

FLOW = {"name": "f", "kind": "CELL", "source": "x = 1"}
NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "id": "a", "source": "print(price)", "outputs": [],
         "metadata": {}, "execution_count": None}
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3",
                                "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip


@pytest.fixture
def shown(tmp_path):
    folder = tmp_path / "shown"
    folder.mkdir()
    return folder


@pytest.fixture
def home(shown):
    with a_home(shown) as home:
        yield home


@pytest.fixture
def server(home, shown):
    with jupyter_server(shown) as server:
        yield server


@pytest.fixture
def page(server):
    with server.client() as page:
        yield page


def test_an_engine_that_is_killed_comes_back_and_windows_go_on(home, server, page):
    assert page.get("/engine").json()["state"] == "stopped"
    refused = page.get("/api/execution")
    assert refused.json()["code"] == "EngineStopped"
    assert not home.path.exists()  # An open panel makes no home.

    with server.window() as window:
        assert window.next("engine")["state"] == "stopped"
        assert page.post("/engine/start").json()["state"] == "ready"
        assert window.next("engine")["state"] in ("starting", "ready")
        window.next("start")
        page.post("/api/flow", json=FLOW)
        first = start(page)
        window.change_of(first)

        kill_engine(home)
        until(lambda: window.next("engine")["state"] == "away", seconds=10)
        second = start(page)  # It starts the next engine.
        until(lambda: window.next("engine")["state"] == "ready", seconds=20)
        reset = window.next("reset")
        third = start(page)
        assert window.change_of(third)["execution_id"] == third

    ids = {row["execution_id"] for row in page.get("/api/execution").json()}
    assert ids == {first, second, third}
    assert reset["seq"] > 0
    assert len(engines_of(home)) == 1


def start(page):
    reply = page.post("/api/execution", json={"flow": "f", "run": False})
    assert reply.status_code == 201, reply.text
    return reply.json()["execution_id"]


def test_a_person_mends_a_variable_on_the_kernel_of_a_failed_run(
    home, shown, server, page
):
    (shown / "report.ipynb").write_text(json.dumps(NOTEBOOK))
    using = [{"name": "interactive", "inputs": {}}]
    body = {"path": "report.ipynb", "using": using, "is_interactive": True}
    root = page.post("/file/run", json=body).json()["execution_id"]
    message = until(lambda: open_message(page), seconds=60)
    failed = message["about_id"]

    with ThreadPoolExecutor(2) as clicks:
        calls = [clicks.submit(page.post, f"/attach/{failed}") for _ in range(2)]
    attached, again = (call.result().json() for call in calls)
    assert attached == again
    assert len(list(shown.glob("report-*.ipynb"))) == 1
    assert (shown / attached["path"]).exists()
    assert attached["name"] == "report"
    specs = jupyter(server, page, "kernelspecs")["kernelspecs"]
    spec = specs[f"flowkernel-attach-{failed}"]["spec"]
    assert spec["display_name"].startswith("report")
    session = {
        **{"path": attached["path"], "type": "notebook", "name": "report"},
        "kernel": {"id": attached["kernel_id"]},
    }
    assert page.post(f"{server.url}/api/sessions", json=session).status_code == 201

    runtime = shown.parent / "jupyter-shown" / "runtime"
    execute(runtime / f"kernel-{attached['kernel_id']}.json", "price = 3")
    answer = {"response": {"retry_cell": True}}
    reply = page.post(f"/api/message/{message['message_id']}/answer", json=answer)
    assert reply.json()["answered_from"] == "panel"

    until(lambda: status_of(page, root) == "ENDED_SUCCESS", seconds=60)
    until(lambda: jupyter(server, page, "kernels") == [], seconds=15)
    assert jupyter(server, page, "sessions") == []
    view = page.get(f"/notebook/{failed}").json()
    assert view["is_complete"]
    assert any(shows(cell, "3\n") for cell in view["cells"])
    assert page.post(f"/attach/{failed}").status_code == 409


def shows(cell, text):
    return any(output.get("text") == text for output in cell["outputs"])


def open_message(page):
    messages = page.get("/api/message?is_open=true").json()
    return messages[0] if messages else None


def jupyter(server, page, name):
    """What Jupyter's own API has."""
    return page.get(f"{server.url}/api/{name}").json()


def status_of(page, execution_id):
    return page.get(f"/api/execution/{execution_id}").json()["status"]


def execute(connection_file: Path, source: str) -> None:
    client = BlockingKernelClient()
    client.load_connection_file(str(connection_file))
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        assert (
            client.execute_interactive(source, timeout=30)["content"]["status"] == "ok"
        )
    finally:
        client.stop_channels()
