"""Who sends a request, as the token of the request says. Pure.

A person's token is random, and each engine has a new one. The tokens of workers and of
executions are made from their ids with the key of the home, so that they stay valid for the
next engine, which has no list of them.
"""

import hmac
import re
from dataclasses import dataclass, field
from hashlib import sha256

#: How tokens begin: that of a person, of a worker, of an execution. `core/redaction.py` knows.
PERSON, WORKER, EXECUTION = "fkp_", "fkw_", "fkx_"
#: Characters of a token, inclusive; more are not looked at.
MAX_TOKEN = 300
_EXECUTION_SUBJECT = re.compile(EXECUTION + r"(.+)\.([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class PersonCaller:
    """A person, or a program of theirs: it can read `engine.json`."""

    name: str  #: Of the account that the engine runs as.

    def actor(self, claim: str = "") -> str:
        """Who is recorded. Several people can share an engine: they say who they are."""
        return claim or self.name


@dataclass(frozen=True, slots=True)
class WorkerCaller:
    """A worker, or a person's own papermill."""

    worker_id: str

    def actor(self, _claim: str = "") -> str:
        """Who is recorded, whatever the request claims."""
        return self.worker_id


@dataclass(frozen=True, slots=True)
class ExecutionCaller:
    """The kernel of one execution, or a child process of that kernel."""

    execution_id: str
    attempt: int  #: Which run of the execution it is, from 1: see `Execution.attempt`.

    def actor(self, _claim: str = "") -> str:
        """Who is recorded, whatever the request claims."""
        return f"execution {self.execution_id}"


Caller = PersonCaller | WorkerCaller | ExecutionCaller


@dataclass(frozen=True, slots=True)
class TokenKey:
    """The key of a home, with which tokens are made and verified."""

    secret: bytes = field(repr=False)

    def issue(self, caller: WorkerCaller | ExecutionCaller) -> str:
        """The token of a worker or an execution; the same one each time."""
        subject = _subject(caller)
        return (
            f"{subject}.{hmac.new(self.secret, subject.encode(), sha256).hexdigest()}"
        )

    def verify(self, token: str) -> WorkerCaller | ExecutionCaller | None:
        """Whose token it is; None if it was not made with this key."""
        is_token = len(token) <= MAX_TOKEN and token.isascii()
        caller = _caller_in(token.rpartition(".")[0]) if is_token else None
        is_ours = caller and hmac.compare_digest(self.issue(caller), token)
        return caller if is_ours else None


def _subject(caller: WorkerCaller | ExecutionCaller) -> str:
    if isinstance(caller, WorkerCaller):
        return f"{WORKER}{caller.worker_id}"
    return f"{EXECUTION}{caller.execution_id}.{caller.attempt}"


def _caller_in(subject: str) -> WorkerCaller | ExecutionCaller | None:
    """Whom a token is about, verified or not."""
    if subject.startswith(WORKER):
        return WorkerCaller(subject.removeprefix(WORKER))
    match = _EXECUTION_SUBJECT.fullmatch(subject)
    return ExecutionCaller(match[1], int(match[2])) if match else None


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that one engine accepts."""

    person: str = field(repr=False)  #: The token in `engine.json`.
    person_name: str  #: Of the account that the engine runs as.
    key: TokenKey

    def caller_of(self, token: str) -> Caller | None:
        """Whose token it is; None if it is nobody's."""
        if hmac.compare_digest(token.encode(), self.person.encode()):
            return PersonCaller(self.person_name)
        return self.key.verify(token)

    def of_worker(self, worker_id: str) -> str:
        """The token of a worker."""
        return self.key.issue(WorkerCaller(worker_id))

    def of_execution(self, execution_id: str, attempt: int) -> str:
        """The token of one attempt of an execution."""
        return self.key.issue(ExecutionCaller(execution_id, attempt))
