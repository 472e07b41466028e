"""Answers every open message twice, from two callers, at nearly the same time."""

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flowkernel.core.errors import RequestError
from tests.chaos.arena import Arena
from tests.chaos.caller import Caller
from tests.chaos.ledger import Answer, Ledger
from tests.chaos.plan import choice_of_answer

LOOK_EVERY = 0.4


class Answerer(threading.Thread):
    """Two people who look at the inbox and do not speak with each other."""

    def __init__(self, arena: Arena, ledger: Ledger, seed: int) -> None:
        super().__init__(name="answerer", daemon=True)
        self._arena, self._ledger, self._seed = arena, ledger, seed
        self._callers = [Caller(arena, ledger, name) for name in ("ada", "bob")]
        self._tries: Counter[str] = Counter()
        self._is_over = threading.Event()

    def finish(self) -> None:
        self._is_over.set()
        self.join()

    def run(self) -> None:
        with ThreadPoolExecutor(len(self._callers)) as pool:
            while not self._is_over.wait(LOOK_EVERY):
                for message in self._callers[0].get("/message", is_open="true"):
                    self._answer_twice(pool, message)

    def _answer_twice(self, pool: ThreadPoolExecutor, message: dict[str, Any]) -> None:
        key = self._key_of(message)
        self._tries[message["message_id"]] += 1
        answers = [
            pool.submit(self._answer, caller, message, key) for caller in self._callers
        ]
        for answer in answers:
            answer.result()

    def _key_of(self, message: dict[str, Any]) -> str:
        """The key of the run that a prompt is about; else what the message says."""
        if message["about_id"] is None:
            return str(message["subject"])
        try:
            about = self._callers[0].get(f"/execution/{message['about_id']}")
        except RequestError:
            return "deleted"
        return str((about["inputs"] or {}).get("key", about["name"]))

    def _answer(self, caller: Caller, message: dict[str, Any], key: str) -> None:
        message_id = message["message_id"]
        response = self._response(caller, message, key)
        body = {
            "answer_id": str(uuid.uuid4()),
            "response": response,
            "answered_by": caller.name,
            "answered_from": "chaos",
        }
        try:
            caller.post(f"/message/{message_id}/answer", body)
            outcome = "accepted"
        except RequestError as error:
            outcome = type(error).__name__
        self._arena.say(caller.name, "answers", message_id, response, outcome)
        self._ledger.add_answer(message_id, Answer(caller.name, response, outcome))
        self._ledger.count(f"answers: {outcome}")

    def _response(
        self, caller: Caller, message: dict[str, Any], key: str
    ) -> dict[str, Any]:
        fields = message["body"].get("properties", {})
        if message["about_id"] is None:
            return {"string": f"{caller.name} {uuid.uuid4()}"}
        count = self._tries[message["message_id"]]
        verb = choice_of_answer(self._seed, caller.name, key, count, list(fields))
        edit = {"source": "pass"} if verb == "retry_cell" else {}
        return {verb: True, **edit}
