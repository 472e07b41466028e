"""What a seed means: which families are started, and what people do to them. Pure."""

from dataclasses import dataclass
from random import Random
from typing import Any

Json = Any
RETRY = {"name": "retry", "inputs": {"max_tries": 4, "delay_sec": 0.2}}
INTERACTIVE = {"name": "interactive", "inputs": {}}
#: What a person does to a family, and how often among twenty.
FATES = {
    "none": 10,
    "cancel": 2,
    "cancel a member": 2,
    "pause a member": 3,
    "cancel, pause, resume": 3,
}
#: From the start of one process being killed to the next, in seconds.
KILL_PAUSE = (0.3, 3.0)
#: How often a process of each kind is chosen, among twelve.
KILL_WEIGHTS = {
    "engine": 2,
    "worker": 2,
    "sql reader": 1,
    "fork server": 1,
    "kernel": 6,
}
#: How often a kill is left out if no cell has started since the last one. Without that, nothing
#: would run where processes take many seconds to start.
SPARED = 0.5

#: What the leaves are, and how many of their first tries fail.
FLOWS = ("leaf", "leaf", "leaf", "sleeper", "asker", "mender", "mender")
FAILURES = {"leaf": (0, 0, 1, 2), "mender": (0, 1, 1, 2)}


@dataclass(frozen=True, kw_only=True)
class Family:
    """A root, what is under it, and what people do to it."""

    number: int
    inputs: Json
    using: list[Json]
    fate: str
    fate_after: float  #: Seconds after its start.
    pause: float  #: Seconds from a pause to the resume.
    retries: int  #: How often its root is started again by hand after it failed.
    sends_twice: bool  #: The start is sent by two callers, with the same id.


def family(seed: int, number: int, effects: str) -> Family:
    """The family of this number: the same for the same seed."""
    random = Random(f"{seed}-family-{number}")
    calls = [
        _mid(random, f"{number}.m{n}", effects) for n in range(random.choice((1, 2)))
    ]
    fate = random.choices(list(FATES), list(FATES.values()))[0]
    return Family(
        number=number,
        inputs={
            "mode": random.choice(("in turn", "together", "tolerant")),
            "calls": calls,
        },
        using=[RETRY] if random.random() < 0.3 else [],
        fate=fate,
        fate_after=random.uniform(0.3, 5.0),
        pause=random.uniform(0.2, 2.0),
        retries=random.choice((0, 1, 2)),
        sends_twice=random.random() < 0.3,
    )


def _mid(random: Random, name: str, effects: str) -> Json:
    count = random.choice((2, 2, 3, 3, 4))
    leaves = [_leaf(random, f"{name}.l{n}", effects) for n in range(count)]
    return {
        "flow": "mid",
        "key": _key(random, name),
        "using": [RETRY] if random.random() < 0.4 else [],
        "inputs": {
            "mode": random.choice(("in turn", "together", "together", "tolerant")),
            "calls": leaves,
        },
    }


def _leaf(random: Random, name: str, effects: str) -> Json:
    flow = random.choice(FLOWS)
    failures = random.choice(FAILURES.get(flow, (0,)))
    inputs = {
        "key": name,
        "effects": effects,
        "work": random.uniform(0.02, 1.0),
        "failures": failures,
        "sleep": random.uniform(0.2, 2.0),
    }
    using = _wrappers(random, flow, failures)
    return {"flow": flow, "key": _key(random, name), "using": using, "inputs": inputs}


def _wrappers(random: Random, flow: str, failures: int) -> list[Json]:
    if flow == "mender":
        return random.choice(([INTERACTIVE], [INTERACTIVE], [RETRY, INTERACTIVE]))
    return [RETRY] if failures and random.random() < 0.6 else []


def _key(random: Random, name: str) -> str | None:
    """Most calls have a key of their own; the others are known by their place."""
    return name if random.random() < 0.8 else None


def choice_of_answer(
    seed: int, caller: str, key: str, count: int, verbs: list[str]
) -> str:
    """What a caller answers to prompt number `count` about the run with this key."""
    random = Random(f"{seed}-answer-{caller}-{key}-{count}")
    weights = {"retry_cell": 4, "skip": 3, "retry": 4, "fail": 1}
    known = [verb for verb in weights if verb in verbs]
    return random.choices(known, [weights[verb] for verb in known])[0]
