"""The tokens that workers get: for the executions that they run, and for themselves."""

from flowkernel.core.models import Execution, Json
from flowkernel.engine.callers import Caller, ExecutionCaller, Tokens
from flowkernel.store import Store


def with_tokens(tokens: Tokens, reply: Json) -> Json:
    """The reply to a poll; each assignment in it has the token of its execution."""
    for assignment in reply["start"]:
        execution = Execution.from_json(assignment["execution"])
        assignment["token"] = _token_of(tokens, execution)
    return reply


def _token_of(tokens: Tokens, execution: Execution) -> str:
    return tokens.of_execution(execution.execution_id, execution.attempt)


def external_tokens(
    tokens: Tokens, store: Store, execution: Execution, worker_id: str, caller: Caller
) -> dict[str, Json]:
    """The tokens for a papermill of its own: of its execution, and of it as a worker.

    It gets none if the execution is not its own: it may name one that was there before, or
    the worker of another one.
    """
    is_running = execution.worker == worker_id and not execution.status.is_ended
    if not is_running or not _is_own(store, execution, caller):
        return {}
    worker_token = tokens.of_worker(worker_id)
    return {"token": _token_of(tokens, execution), "worker_token": worker_token}


def _is_own(store: Store, execution: Execution, caller: Caller) -> bool:
    if not isinstance(caller, ExecutionCaller):
        return True
    same_worker = [e for e in list(store.live.values()) if e.worker == execution.worker]
    return execution.parent_id == caller.execution_id and len(same_worker) <= 1
