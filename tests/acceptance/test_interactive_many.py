"""Many prompts at once: each is answered exactly once, and kernels are kept within limits."""

import sys
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from flowkernel.client.client import Client
from flowkernel.config import Config
from flowkernel.core.errors import NotOpen
from flowkernel.core.models import Environment, Flow, FlowKind
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from tests.acceptance.test_interactive import begin
from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(400)]

KEPT = Config().parked_kernels
LOST = f"Newer ones needed its place: {KEPT} are kept at most."


def client_of(own_home):
    """A client of a home with a flow that fails as long as a file is missing."""
    client = Client(own_home, started_by="ada (test)")
    source = f"this.set_output(text=open({str(own_home.path / 'there')!r}).read())"
    environment = Environment(interpreter=sys.executable, prefix=sys.prefix)
    flow = Flow(
        name="reader", kind=FlowKind.CELL, source=source, environment=environment
    )
    client.register(flow)
    return client


def open_prompts(client, count):
    """The prompts, once there are so many."""

    def found():
        prompts = client.get("/message", is_open="true", limit=100)
        return prompts if len(prompts) == count else None

    return until(found, seconds=150)


def can_retry_the_cell(prompt):
    return "retry_cell" in prompt["body"]["properties"]


def test_twenty_prompts_are_each_answered_once_by_four_who_answer_at_once(
    own_home,
):
    client = client_of(own_home)
    executions = [begin(client, "reader", interactive=True) for _ in range(20)]
    open_prompts(client, 20)
    prompts = until(
        lambda: [
            all_
            for all_ in [open_prompts(client, 20)]
            if sum(map(can_retry_the_cell, all_)) == KEPT
        ],
        seconds=60,
    )[0]
    for prompt in prompts:
        assert can_retry_the_cell(prompt) is not (LOST in prompt["message"])
    (client.home.path / "there").write_text("read")

    def answer_all(name):
        mine = Client(client.home, started_by=f"{name} (test)")
        won, told = [], []
        for prompt in Random(name).sample(prompts, len(prompts)):
            verb = "retry_cell" if can_retry_the_cell(prompt) else "retry"
            try:
                mine.answer(prompt["message_id"], {verb: True}, answered_from=name)
                won.append(prompt["message_id"])
            except NotOpen as error:
                told.append(str(error))
        mine.close()
        return won, told

    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip("abcd", pool.map(answer_all, "abcd"), strict=True))

    won = [message_id for mine, _ in answers.values() for message_id in mine]
    assert sorted(won) == sorted(prompt["message_id"] for prompt in prompts)
    told = [said for _, all_ in answers.values() for said in all_]
    assert len(told) == 60
    assert all(" was first, at " in said and ": Retry " in said for said in told)
    for name, (mine, _) in answers.items():
        for message_id in mine:
            message = client.get(f"/message/{message_id}")
            assert (message["answered_by"], message["answered_from"]) == (name, name)
    for execution in executions:
        execution.wait(ReturnWhen.ALL_ENDED, timeout=200)
        assert execution.get("status", "output") == (S.ENDED_SUCCESS, {"text": "read"})
    decided = client.sql(
        "SELECT payload->>'verb', count(*), count(DISTINCT payload->>'message_id') "
        "FROM event WHERE kind = 'decided' GROUP BY ALL ORDER BY ALL"
    )["rows"]
    assert decided == [["retry", 20 - KEPT, 20 - KEPT], ["retry_cell", KEPT, KEPT]]


def test_no_kernel_is_kept_if_that_is_configured(monkeypatch, own_home):
    """Not even for a moment; and what it says is not that newer ones needed its place."""
    monkeypatch.setenv("FLOWKERNEL_PARKED_KERNELS", "0")
    client = client_of(own_home)
    execution = begin(client, "reader", interactive=True)

    [prompt] = open_prompts(client, 1)

    assert not can_retry_the_cell(prompt)
    assert "No kernel is kept (`parked_kernels = 0`)." in prompt["message"]
    assert "open(" in prompt["message"]
    rows = client.sql(
        "SELECT kind, payload->>'is_parked' FROM event "
        "WHERE kind IN ('failed', 'kernel_lost')"
    )["rows"]
    assert rows == [["failed", "false"]]
    (client.home.path / "there").write_text("read")
    client.answer(prompt["message_id"], {"retry": True}, answered_from="test")
    assert execution.wait(timeout=100).output == {"text": "read"}


def test_as_many_kernels_are_kept_as_is_configured(monkeypatch, own_home):
    monkeypatch.setenv("FLOWKERNEL_PARKED_KERNELS", str(KEPT + 2))
    client = client_of(own_home)
    executions = [begin(client, "reader", interactive=True) for _ in range(KEPT + 2)]

    prompts = open_prompts(client, KEPT + 2)

    assert all(map(can_retry_the_cell, prompts))
    (client.home.path / "there").write_text("read")
    for prompt in prompts:
        client.answer(prompt["message_id"], {"retry_cell": True}, answered_from="test")
    for execution in executions:
        execution.wait(timeout=100)
