"""What looks at the record after chaos sees each broken promise, and none in a good record."""

import json
import os
import subprocess
import sys

import psutil
import pytest

from tests.chaos.arena import Arena
from tests.chaos.ledger import Answer, Ledger
from tests.chaos.plan import choice_of_answer, family
from tests.chaos.processes import end_all, kind_of, processes_of
from tests.chaos.prompt_promises import prompt_promises
from tests.chaos.record import TABLES, Line, Record
from tests.chaos.record_promises import record_promises
from tests.chaos.run_promises import run_promises
from tests.chaos.watcher import Watcher


class History:
    """A record in the making: what happens gets the next number."""

    def __init__(self):
        self.rows = {table: [] for table in TABLES}
        self.lines = []
        self.ledger = Ledger()

    def happens(self, execution_id, kind, **payload):
        seq = len(self.rows["event"]) + 1
        event = {"seq": seq, "event_id": str(seq), "execution_id": execution_id}
        self.rows["event"].append(
            {**event, "kind": kind, "payload": json.dumps(payload)}
        )

    def starts(self, execution_id, **fields):
        """Created and started; a leaf unless `flow_name` says something else."""
        row = {
            "execution_id": execution_id,
            "flow_name": "leaf",
            "name": execution_id,
            "parent_id": None,
            "call_key": None,
            "retry_of": None,
            "inputs": None,
            "output": None,
            "status": "RUNNING",
            "status_message": None,
            "requested_action": None,
            "losses": 0,
            "ended_at": None,
        }
        self.rows["execution"].append({**row, **fields})
        self.happens(execution_id, "created")
        self.happens(execution_id, "started")

    def ends(self, execution_id, status="ENDED_SUCCESS", message=None):
        [row] = [r for r in self.rows["execution"] if r["execution_id"] == execution_id]
        row |= {"status": status, "ended_at": "now", "status_message": message}
        self.happens(execution_id, "ended", status=status)
        if status == "ENDED_SUCCESS" and row["flow_name"] == "leaf":
            row["output"] = '{"key": "k"}'
            self.rows["log"].append({"execution_id": execution_id})
            self.does(execution_id)

    def does(self, execution_id, answer=None):
        self.lines.append(Line("done", "k", execution_id, 1, answer))

    def sends(self, execution_id, message_id, *, about_id=None, by="ada", **fields):
        message = {
            "message_id": message_id,
            "execution_id": execution_id,
            "subject": "what?",
            "call_key": None if about_id else "call",
            "about_id": about_id,
            "status": "ANSWERED",
            "response": json.dumps(fields.pop("response", {"string": by})),
            "answered_by": by,
        } | fields
        self.rows["message"].append(message)
        self.happens(execution_id, "message_sent", message_id=message_id)
        if message["status"] == "ANSWERED":
            self.happens(execution_id, "message_answered", message_id=message_id)

    def broken(self):
        """The sentences of the promises that are broken."""
        record = Record(self.rows, self.lines)
        promises = run_promises(record, self.ledger) + prompt_promises(
            record, self.ledger
        )
        return [promise.sentence for promise in promises if promise.breaches]


@pytest.fixture
def history():
    """A top with a mid that called a leaf, which has succeeded."""
    history = History()
    history.starts("top", flow_name="top")
    history.starts("mid", flow_name="mid", parent_id="top", call_key="m")
    history.starts("leaf", parent_id="mid", call_key="l")
    history.ends("leaf")
    return history


def end_family(history, status="ENDED_SUCCESS"):
    history.ends("mid", status)
    history.ends("top", status)
    return history.broken()


def test_a_good_record_breaks_no_promise(history):
    history.ledger.starts.append("top")

    assert end_family(history) == []


def test_a_start_that_is_not_recorded_is_lost(history):
    history.ledger.starts.append("gone")

    assert end_family(history) == ["acknowledged lost"]


def test_a_run_that_does_not_end_hangs(history):
    assert history.broken() == ["hung"]


def test_a_leaf_that_runs_again_below_a_retried_root_is_seen(history):
    end_family(history, "ENDED_ERROR")
    history.starts("top2", flow_name="top", retry_of="top")
    history.starts("mid2", flow_name="mid", parent_id="top2", call_key="m")
    history.starts("leaf2", parent_id="mid2", call_key="l")
    for execution_id in ("leaf2", "mid2", "top2"):
        history.ends(execution_id)

    assert history.broken() == ["succeeded and run again"]


def test_a_second_child_for_one_call_is_seen(history):
    history.starts("leaf2", parent_id="mid", call_key="twice")
    history.starts("leaf3", parent_id="mid", call_key="twice")
    for execution_id in ("leaf2", "leaf3"):
        history.ends(execution_id)

    assert end_family(history) == ["two children at a time for one call"]


def test_a_try_beside_one_that_runs_is_seen(history):
    history.starts("leaf2", parent_id="mid", call_key="other")
    end_family(history, "ENDED_ERROR")
    history.starts("top2", flow_name="top", retry_of="top")
    history.starts("mid2", flow_name="mid", parent_id="top2", call_key="m")
    history.starts("leaf3", parent_id="mid2", call_key="other")
    for execution_id in ("leaf2", "leaf3", "mid2", "top2"):
        history.ends(execution_id)

    assert history.broken() == ["run again beside a try that runs"]


def test_a_try_beside_one_that_failed_and_is_not_decided_on_is_right(history):
    history.starts("leaf2", parent_id="mid", call_key="other")
    history.happens("leaf2", "failed")
    end_family(history, "ENDED_ERROR")
    history.starts("top2", flow_name="top", retry_of="top")
    history.starts("mid2", flow_name="mid", parent_id="top2", call_key="m")
    history.starts("leaf3", parent_id="mid2", call_key="other")
    history.ends("leaf2", "ENDED_ERROR")
    for execution_id in ("leaf3", "mid2", "top2"):
        history.ends(execution_id)

    assert history.broken() == []


def test_a_try_after_one_that_failed_is_right(history):
    history.starts("leaf2", parent_id="mid", call_key="other")
    history.ends("leaf2", "ENDED_ERROR")
    history.starts("leaf3", parent_id="mid", call_key="other")
    history.ends("leaf3")

    assert end_family(history) == []


def test_a_second_effect_without_a_loss_is_seen(history):
    history.does("leaf")

    assert end_family(history) == ["effects beyond 1 + losses"]


def test_a_second_effect_after_a_loss_is_right(history):
    history.starts("leaf2", parent_id="mid", call_key="other", losses=1)
    history.happens("leaf2", "lost")
    history.happens("leaf2", "started")
    history.does("leaf2")
    history.ends("leaf2")

    assert end_family(history) == []


def test_a_second_start_without_a_loss_is_seen(history):
    history.happens("mid", "started")

    assert end_family(history) == ["losses that do not agree"]


def test_a_success_without_its_output_is_seen(history):
    end_family(history)
    history.rows["execution"][2]["output"] = None

    assert history.broken() == ["succeeded without effect, output, log or note"]


def test_a_cancel_that_is_taken_back_is_seen(history):
    history.happens("top", "asked", what="cancel")
    history.ledger.cancels.append("top")

    assert end_family(history) == ["acknowledged cancels undone"]


def test_a_child_that_begins_under_a_cancelled_parent_is_seen(history):
    history.happens("top", "asked", what="cancel")
    history.starts("late", parent_id="mid", call_key="late")
    history.ends("late")

    assert end_family(history) == ["begun under a cancelled parent"]


def test_what_a_cancel_of_who_adopted_it_does_not_reach_is_seen(history):
    history.starts("again")
    history.starts("slow", parent_id="mid", call_key="slow")
    history.happens("slow", "adopted", parent_id="again")
    history.happens("again", "asked", what="cancel")
    history.ends("again", "ENDED_CANCELLED")
    history.ends("slow")

    assert end_family(history) == ["adopted and out of reach"]


def test_what_happens_after_the_end_is_seen(history):
    history.happens("leaf", "output_set")

    assert end_family(history) == ["events after the end"]


def test_a_run_that_found_no_engine_is_seen(history):
    history.ends("mid", "ENDED_ERROR", "Cell 1 of 1: EngineUnreachable: no engine")
    history.ends("top")

    assert history.broken() == ["failed for want of an engine"]


def test_two_prompts_about_one_failure_are_seen(history):
    history.happens("mid", "failed")
    history.sends("top", "m1", about_id="mid")
    history.sends("top", "m2", about_id="mid")

    assert end_family(history) == ["prompts doubled"]


def test_a_prompt_for_each_failure_is_right(history):
    for message_id in ("m1", "m2"):
        history.happens("mid", "failed")
        history.sends("top", message_id, about_id="mid")

    assert end_family(history) == []


def test_a_prompt_after_an_answer_that_needed_the_lost_kernel_is_right(history):
    history.happens("mid", "failed")
    history.sends("top", "m1", about_id="mid", response={"skip": True})
    history.happens("mid", "kernel_lost")
    history.sends("top", "m2", about_id="mid")

    assert end_family(history) == []


def test_a_message_that_is_sent_twice_or_stays_open_is_seen(history):
    history.sends("mid", "m1")
    history.sends("mid", "m2", status="OPEN")

    assert end_family(history) == ["messages doubled", "messages left open"]


@pytest.mark.parametrize(
    "outcomes",
    [("accepted", "accepted"), ("NotOpen", "accepted"), ("NotOpen", "NotOpen")],
)
def test_an_answer_that_is_lost_doubled_or_replaced_is_seen(history, outcomes):
    history.sends("mid", "m1", by="ada")
    for caller, outcome in zip(("ada", "bob"), outcomes, strict=True):
        history.ledger.add_answer("m1", Answer(caller, {}, outcome))

    assert end_family(history) == ["answers lost or doubled"]


def test_a_flow_that_got_another_answer_is_seen(history):
    history.sends("mid", "m1", by="ada")
    history.does("mid", answer="bob")

    assert end_family(history) == ["answers that the flow got otherwise"]


def test_a_decision_that_is_carried_out_twice_is_seen(history):
    for _ in range(2):
        history.happens("mid", "decided", message_id="m1", verb="skip")

    assert end_family(history) == ["decisions doubled"]


@pytest.mark.parametrize(
    "change",
    [lambda seen: seen[:-1], lambda seen: [*seen, seen[0]], lambda seen: [*seen, 99]],
)
def test_a_watcher_that_saw_too_little_or_too_much_is_seen(
    monkeypatch, tmp_path, history, change
):
    end_family(history)
    record = Record(history.rows, [])
    record.rows["log"].clear()
    last_seq = len(record.rows["event"])
    watchers = [Watcher(Arena(tmp_path), Ledger(), 0, stays=s) for s in (True, False)]
    watchers[0].seen = list(range(1, last_seq + 1))
    watchers[1].seen = change(watchers[0].seen)
    # `flowkernel rebuild` needs a home with a journal: the kernel tests have one.
    monkeypatch.setattr("tests.chaos.record_promises.rebuilt", lambda *_: [])

    promises = record_promises(Arena(tmp_path), record, Ledger(), watchers, last_seq)

    broken = [promise.sentence for promise in promises if promise.breaches]
    assert broken == ["events missed or seen twice"]


def test_a_seed_means_the_same_families_and_answers():
    families = [family(7, number, "effects") for number in range(50)]

    assert families == [family(7, number, "effects") for number in range(50)]
    assert families != [family(8, number, "effects") for number in range(50)]
    assert {plan.fate for plan in families} > {"none", "cancel"}
    answers = {choice_of_answer(7, "ada", "k", n, ["skip", "retry"]) for n in range(50)}
    assert answers == {"skip", "retry"}


def test_only_processes_of_its_own_home_are_found_and_ended(tmp_path):
    sleep = "import time; time.sleep(600)"
    arenas = [Arena(tmp_path / name) for name in ("ours", "theirs")]
    words = [sys.executable, "-c", sleep, "flowkernel.worker"]
    ours, theirs = (
        subprocess.Popen(
            words, env={**os.environ, "JUPYTER_RUNTIME_DIR": str(arena.runtime)}
        )
        for arena in arenas
    )
    try:
        assert [p.pid for p in processes_of(arenas[0])] == [ours.pid]
        assert kind_of(psutil.Process(ours.pid)) == "worker"

        end_all(arenas[0])

        assert not psutil.pid_exists(ours.pid)
        assert theirs.poll() is None
    finally:
        for process in (ours, theirs):
            process.kill()
            process.wait()
