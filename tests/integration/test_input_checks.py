"""Each process checks the inputs of an execution once: where it gets them."""

import sys
import threading
from collections import Counter

import httpx
import pytest

import flowkernel
from flowkernel.core import json_values
from flowkernel.core.errors import BadName
from flowkernel.flow_api import Execution
from flowkernel.flow_api.context import enter
from flowkernel.home import EngineFile
from tests.stage import engine_in_process, set_flow_context

SOURCE = {"name": "report", "kind": "CELL", "source": "x = 1"}
CALLER, ENGINE = "caller", "engine"
ONCE_EACH = {CALLER: 1, ENGINE: 1}


@pytest.fixture
def client(own_home):
    with engine_in_process(own_home) as client:
        client.post("/flow", SOURCE)
        yield client


@pytest.fixture
def checks(monkeypatch):
    """How often each side checked inputs; here, both are in one process."""
    checks = Counter()
    plain = json_values._plain

    def counted(value, path, depth):
        if path == "inputs":
            is_caller = threading.current_thread() is threading.main_thread()
            checks[CALLER if is_caller else ENGINE] += 1
        return plain(value, path, depth)

    monkeypatch.setattr(json_values, "_plain", counted)
    return checks


@pytest.fixture
def this(client):
    """An execution whose kernel this process is."""
    parent = client.start({"flow": "report", "run": False})
    set_flow_context(client, parent.execution_id)
    yield Execution(client, parent.execution_id)
    sys.modules[enter.__module__]._context = None


def test_run_checks_inputs_once(client, checks):
    execution = flowkernel.run("report", home=client.home, day="monday")

    assert execution.get("inputs") == {"day": "monday"}
    assert checks == ONCE_EACH


def test_run_in_the_kernel_of_a_flow_checks_inputs_once(this, checks):
    child = flowkernel.run("report", inputs={"day": "monday"})

    assert child.get("parent_id") == this.execution_id
    assert checks == ONCE_EACH


def test_a_child_has_its_inputs_checked_once(this, checks):
    child = this.flow("report", day="monday", wait=False)

    assert child.get("inputs") == {"day": "monday"}
    assert checks == ONCE_EACH


def test_a_request_has_its_inputs_checked_once(client, checks):
    engine = EngineFile.read(client.home)
    body = {"flow": "report", "inputs": {"day": "monday"}, "using": [{"name": "retry"}]}

    response = httpx.post(
        f"{engine.url}/api/latest/execution",
        json=body,
        headers={"Authorization": f"Bearer {engine.token}"},
    )

    assert response.json()["wrapped"]["inputs"] == {"day": "monday"}
    assert checks == {ENGINE: 1}


EMPTY = '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'
NOTEBOOK = {"name": "sums", "kind": "NOTEBOOK", "source": EMPTY}
CODE = "x = 1\nopen('file', 'w')\ny"


@pytest.mark.parametrize("using", [[], [{"name": "retry"}]])
def test_no_way_to_start_a_notebook_takes_a_name_that_is_code(client, this, using):
    client.post("/flow", NOTEBOOK)
    ended = client.start({"flow": "sums", "run": False})
    client.act(ended.execution_id, "cancel")

    for request in ({"flow": "sums"}, {"source": NOTEBOOK}):
        with pytest.raises(BadName, match="cannot have an input named"):
            client.start({**request, "inputs": {CODE: 1}, "using": using})
    with pytest.raises(BadName):
        client.act(ended.execution_id, "retry", inputs={CODE: 1})
    with pytest.raises(BadName):
        this.flow("sums", inputs={CODE: 1})
    # A cell gets its inputs as a dict, which may have any key.
    assert this.flow("report", inputs={CODE: 1}, wait=False).get("inputs") == {CODE: 1}
