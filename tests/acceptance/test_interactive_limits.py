"""Time limits and people: no limit ends a prompt, and a cell over its limit asks."""

from datetime import UTC, datetime

import pytest

from flowkernel.client.client import Client
from flowkernel.core.status import ExecutionStatus as S
from tests.acceptance.flows import INTERACTIVE, answer, open_prompt, start_flow
from tests.conftest import until

pytestmark = pytest.mark.kernel

SLOW = """
this.set_output(n=len(inputs))
open({counter!r}, 'a').write('x')
import time
time.sleep(600)
"""


def last_cell_run(client, execution):
    return client.cell_runs(execution.execution_id)[-1]


def test_a_cell_over_its_limit_keeps_its_kernel_and_asks(person, register, tmp_path):
    counter = tmp_path / "counter"
    register("slow", SLOW.format(counter=str(counter)), cell_timeout=1.0)
    execution = start_flow(person, "slow", using=INTERACTIVE)

    prompt = open_prompt(person, execution)

    [child] = execution.children
    assert "Cell 1 of 1: it ran longer than 1.0 s." in prompt["message"]
    assert "time.sleep(600)" in prompt["message"]
    cell_run = last_cell_run(person, child)
    assert (cell_run.status, cell_run.error_name) == ("TIMED_OUT", "CellTimeoutError")
    assert "KeyboardInterrupt" in cell_run.traceback
    answer(
        person, prompt, retry_cell=True, source="this.set_output(slept=time.time)\n1"
    )
    prompt = open_prompt(person, execution)
    assert "is not JSON" in prompt["message"] or "slept" in prompt["message"]
    answer(person, prompt, retry_cell=True, source="this.set_output(slept=bool(time))")
    execution.wait()
    assert execution.output == {"n": 0, "slept": True}
    assert counter.read_text() == "x"


def test_a_cell_that_catches_the_interrupt_is_still_over_its_limit(person, register):
    source = (
        "import time\ntry:\n    time.sleep(600)\nexcept KeyboardInterrupt:\n    pass"
    )
    register("catcher", source, cell_timeout=1.0)
    execution = start_flow(person, "catcher", using=INTERACTIVE)

    prompt = open_prompt(person, execution)

    assert "Cell 1 of 1: it ran longer than 1.0 s." in prompt["message"]
    answer(person, prompt, skip=True)
    assert execution.wait().status is S.ENDED_SUCCESS


def test_a_kernel_that_cannot_be_interrupted_is_lost(own_home, monkeypatch, tmp_path):
    monkeypatch.setenv("FLOWKERNEL_CANCEL_GRACE", "1")
    client = Client(own_home, started_by="ada (notebook)")
    path = tmp_path / "stuck.py"
    path.write_text(
        "import signal, time\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})\n"
        "time.sleep(600 if this.get('retry_of') is None else 0)"
    )
    client.register(_flow(path, cell_timeout=1.0))
    execution = start_flow(client, "stuck", using=INTERACTIVE, is_interactive=True)

    prompt = open_prompt(client, execution)

    assert "it ran longer than 1.0 s." in prompt["message"]
    sentence = "Retry cell is no longer possible. Its kernel could not be interrupted."
    assert sentence in prompt["message"]
    assert "pthread_sigmask" in prompt["message"]
    assert list(prompt["body"]["properties"]) == ["retry", "fail", "cancel_all"]
    [child] = execution.children
    assert last_cell_run(client, child).status == "TIMED_OUT"
    answer(client, prompt, retry=True)
    assert execution.wait().status is S.ENDED_SUCCESS


def _flow(path, **fields):
    from flowkernel.client.flow_source import read_source
    from flowkernel.core.models import Flow

    return Flow.from_json({**read_source(str(path)), **fields})


def test_the_limit_of_a_cell_does_not_count_answer_time(person, register):
    """Also not that of a cell whose grandchild has failed."""
    register("broken", "this.set_output(n=1)\nmissing")
    register(
        "parent",
        "child = this.using('interactive').flow('broken')\nthis.set_output(**child.output)",
        cell_timeout=3.0,
    )
    execution = start_flow(person, "parent", using=[])
    prompt = open_prompt(person, execution)
    started_at = person.cell_runs(execution.execution_id)[0].started_at

    until(lambda: (datetime.now(UTC) - started_at).total_seconds() > 5.0)

    assert last_cell_run(person, execution).status == "RUNNING"
    answer(person, prompt, retry_cell=True, source="this.set_output(n=2)")
    assert execution.wait().output == {"n": 2}


def test_the_limit_counts_again_after_the_answer(person, register):
    register("broken", "missing")
    register(
        "parent",
        "this.using('interactive').flow('broken')\nimport time\ntime.sleep(600)",
        cell_timeout=3.0,
    )
    execution = start_flow(person, "parent", using=[])

    answer(person, open_prompt(person, execution), skip=True)

    until(lambda: execution.status.is_ended)
    assert execution.get("message") == "Cell 1 of 1: it ran longer than 3.0 s."
