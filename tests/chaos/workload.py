"""The callers that start families, and the people who cancel, pause and retry them."""

import itertools
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from flowkernel.core.errors import RequestError
from tests.chaos.arena import Arena
from tests.chaos.caller import Caller
from tests.chaos.ledger import Ledger
from tests.chaos.plan import Family, family

#: Callers that each have one family under way.
CALLERS = 3
LOOK_EVERY = 0.3
ENDED = ("ENDED_SUCCESS", "ENDED_ERROR", "ENDED_CANCELLED")


class Workload:
    """Families, one after another, from several callers."""

    def __init__(self, arena: Arena, ledger: Ledger, seed: int) -> None:
        self.arena, self.ledger, self.seed = arena, ledger, seed
        self.is_over = threading.Event()
        self._numbers = itertools.count(1)
        self._threads = [
            threading.Thread(target=self._call, args=(f"caller {n}",), daemon=True)
            for n in range(CALLERS)
        ]
        self._people: list[threading.Thread] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Start no other family, and wait for what people are about to do."""
        self.is_over.set()
        for thread in [*self._threads, *self._people]:
            thread.join()

    def _call(self, name: str) -> None:
        caller, other = (Caller(self.arena, self.ledger, n) for n in (name, f"{name}b"))
        while not self.is_over.is_set():
            plan = family(self.seed, next(self._numbers), str(self.arena.effects))
            root_id = self._start(caller, other, plan)
            if root_id is not None:
                self._follow(caller, plan, root_id)
        caller.client.close()
        other.client.close()

    def _start(self, caller: Caller, other: Caller, plan: Family) -> str | None:
        root_id = str(uuid.uuid4())
        body = {
            "execution_id": root_id,
            "flow": "top",
            "inputs": plan.inputs,
            "using": plan.using,
            "is_interactive": True,
            "started_by": caller.name,
        }
        self.arena.say(
            "family", plan.number, root_id, plan.fate, f"retries={plan.retries}"
        )
        if plan.sends_twice:
            args = ("/execution", body, "starts", root_id)
            twin = in_thread(lambda: other.attempt(*args), self._people)
            outcome = caller.attempt(*args)
            twin.join()
        else:
            outcome = caller.attempt("/execution", body, "starts", root_id)
        if outcome != "accepted":
            return None
        query = f"select status from execution where execution_id = '{root_id}'"
        if not caller.sql(query):
            self.ledger.add("unseen", root_id)
        return root_id

    def _follow(self, caller: Caller, plan: Family, root_id: str) -> None:
        """Wait for its end; let its fate come; retry it if it failed."""
        in_thread(lambda: self._meet_fate(plan, root_id), self._people)
        for _ in range(plan.retries + 1):
            status = self._wait(caller, root_id)
            if (
                status not in ("ENDED_ERROR", "ENDED_CANCELLED")
                or self.is_over.is_set()
            ):
                return
            new_id = retry(caller, root_id)
            if new_id is None:
                return
            root_id = new_id

    def _wait(self, caller: Caller, root_id: str) -> str | None:
        while not self.is_over.wait(LOOK_EVERY):
            status = str(caller.get(f"/execution/{root_id}")["status"])
            if status in ENDED:
                return status
        return None

    # -- what people do --------------------------------------------------------------------

    def _meet_fate(self, plan: Family, root_id: str) -> None:
        if plan.fate == "none" or self.is_over.wait(plan.fate_after):
            return
        random = Random(f"{self.seed}-fate-{plan.number}")
        person = Caller(self.arena, self.ledger, f"person of {plan.number}")
        match plan.fate:
            case "cancel":
                act(person, root_id, "cancel")
            case "cancel a member":
                act(person, self._member(person, root_id, random), "cancel")
            case "pause a member":
                member = self._member(person, root_id, random)
                act(person, member, "pause")
                time.sleep(plan.pause)
                act(person, member, "resume")
            case "cancel, pause, resume":
                for verb in ("cancel", "pause", "resume"):
                    act(person, root_id, verb)
        person.client.close()

    def _member(self, person: Caller, root_id: str, random: Random) -> str:
        """A member of the family that has not ended, if there is one."""
        tree = person.get(f"/execution/{root_id}/tree")
        live = [
            record["execution_id"]
            for record in tree["executions"]
            if record["status"] not in ENDED
        ]
        return str(random.choice(live)) if live else root_id


def act(caller: Caller, execution_id: str, verb: str) -> None:
    """Cancel, pause or resume; a refusal is an answer, too."""
    path = f"/execution/{execution_id}/{verb}"
    body = {"started_by": caller.name}
    if verb == "cancel":
        caller.attempt(path, body, "cancels", execution_id)
    else:
        caller.attempt(path, body, "interruptions", (execution_id, verb))


def retry(caller: Caller, execution_id: str) -> str | None:
    """Start an ended execution again; the id of the new one, None if that is refused."""
    new_id = str(uuid.uuid4())
    body = {"execution_id": new_id, "started_by": caller.name}
    outcome = caller.attempt(
        f"/execution/{execution_id}/retry", body, "retries", new_id
    )
    return new_id if outcome == "accepted" else None


def in_thread(
    work: Callable[[], Any], threads: list[threading.Thread]
) -> threading.Thread:
    """Do it in a thread, which is added to `threads`."""
    thread = threading.Thread(target=work, daemon=True)
    threads.append(thread)
    thread.start()
    return thread


def resume_paused(caller: Caller) -> None:
    """Continue everything that a person paused and forgot."""
    paused = caller.sql(
        "select execution_id::varchar from execution"
        " where (status = 'PAUSED' and failure is null) or requested_action = 'pause'"
    )
    for (execution_id,) in paused:
        with suppress(RequestError):
            caller.post(
                f"/execution/{execution_id}/resume", {"started_by": caller.name}
            )
