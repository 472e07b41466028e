"""Many prompts at once: each is answered once, and the number of kept kernels is limited."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from flowkernel.client.client import Client
from flowkernel.config import Config
from flowkernel.core.errors import NotOpen
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from tests.acceptance.flows import INTERACTIVE, register_cell, start_flow
from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(400)]

KEPT_KERNELS = Config().parked_kernels
EVICTED = f"Newer ones needed its place: {KEPT_KERNELS} are kept at most."


def client_of(own_home):
    """A client of a home with a flow that fails as long as a file does not exist."""
    client = Client(own_home, started_by="ada (test)")
    source = f"this.set_output(text=open({str(own_home.path / 'file')!r}).read())"
    register_cell(client, "reader", source)
    return client


def open_prompts(client, count):
    """The open prompts; waits until there are `count`."""

    def find_prompts():
        prompts = client.get("/message", is_open="true", limit=100)
        return prompts if len(prompts) == count else None

    return until(find_prompts, seconds=150)


def can_retry_the_cell(prompt):
    return "retry_cell" in prompt["body"]["properties"]


def test_twenty_prompts_are_each_answered_once_by_four_people(
    own_home,
):
    client = client_of(own_home)
    executions = [
        start_flow(client, "reader", using=INTERACTIVE, is_interactive=True)
        for _ in range(20)
    ]
    open_prompts(client, 20)

    def find_evicted():
        prompts = open_prompts(client, 20)
        is_evicted = sum(map(can_retry_the_cell, prompts)) == KEPT_KERNELS
        return prompts if is_evicted else None

    prompts = until(find_evicted, seconds=60)
    for prompt in prompts:
        assert can_retry_the_cell(prompt) is not (EVICTED in prompt["message"])
    (client.home.path / "file").write_text("read")

    def answer_all(name):
        own_client = Client(client.home, started_by=f"{name} (test)")
        accepted, refusals = [], []
        for prompt in Random(name).sample(prompts, len(prompts)):
            verb = "retry_cell" if can_retry_the_cell(prompt) else "retry"
            try:
                own_client.answer(
                    prompt["message_id"], {verb: True}, answered_from=name
                )
                accepted.append(prompt["message_id"])
            except NotOpen as error:
                refusals.append(str(error))
        own_client.close()
        return accepted, refusals

    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip("abcd", pool.map(answer_all, "abcd"), strict=True))

    accepted = [message_id for ids, _ in answers.values() for message_id in ids]
    assert sorted(accepted) == sorted(prompt["message_id"] for prompt in prompts)
    refusals = [text for _, texts in answers.values() for text in texts]
    assert len(refusals) == 60
    assert all(
        " has already answered, at " in text and ": Retry " in text for text in refusals
    )
    for name, (message_ids, _) in answers.items():
        for message_id in message_ids:
            message = client.get(f"/message/{message_id}")
            assert (message["answered_by"], message["answered_from"]) == (name, name)
    for execution in executions:
        execution.wait(ReturnWhen.ALL_ENDED, timeout=200)
        assert execution.get("status", "output") == (S.ENDED_SUCCESS, {"text": "read"})
    decided = client.sql(
        "SELECT payload->>'verb', count(*), count(DISTINCT payload->>'message_id') "
        "FROM event WHERE kind = 'decided' GROUP BY ALL ORDER BY ALL"
    )["rows"]
    assert decided == [
        ["retry", 20 - KEPT_KERNELS, 20 - KEPT_KERNELS],
        ["retry_cell", KEPT_KERNELS, KEPT_KERNELS],
    ]


def test_no_kernel_is_kept_if_that_is_configured(monkeypatch, own_home):
    """Not even for a moment; and the prompt gives the right reason."""
    monkeypatch.setenv("FLOWKERNEL_PARKED_KERNELS", "0")
    client = client_of(own_home)
    execution = start_flow(client, "reader", using=INTERACTIVE, is_interactive=True)

    [prompt] = open_prompts(client, 1)

    assert not can_retry_the_cell(prompt)
    assert "No kernel is kept (`parked_kernels = 0`)." in prompt["message"]
    assert "open(" in prompt["message"]
    rows = client.sql(
        "SELECT kind, payload->>'is_parked' FROM event "
        "WHERE kind IN ('failed', 'kernel_lost')"
    )["rows"]
    assert rows == [["failed", "false"]]
    (client.home.path / "file").write_text("read")
    client.answer(prompt["message_id"], {"retry": True}, answered_from="test")
    assert execution.wait(timeout=100).output == {"text": "read"}


def test_the_number_of_kept_kernels_is_configured(monkeypatch, own_home):
    monkeypatch.setenv("FLOWKERNEL_PARKED_KERNELS", str(KEPT_KERNELS + 2))
    client = client_of(own_home)
    executions = [
        start_flow(client, "reader", using=INTERACTIVE, is_interactive=True)
        for _ in range(KEPT_KERNELS + 2)
    ]

    prompts = open_prompts(client, KEPT_KERNELS + 2)

    assert all(map(can_retry_the_cell, prompts))
    (client.home.path / "file").write_text("read")
    for prompt in prompts:
        client.answer(prompt["message_id"], {"retry_cell": True}, answered_from="test")
    for execution in executions:
        execution.wait(timeout=100)
