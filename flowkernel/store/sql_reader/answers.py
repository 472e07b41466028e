"""Making the answer to one question, whatever becomes of it."""

from flowkernel.core.clock import monotonic
from flowkernel.core.errors import EngineError, FlowkernelError
from flowkernel.core.json_values import dumps
from flowkernel.store.sql_reader.following_copy import FollowingCopy
from flowkernel.store.sql_reader.questions import SqlAnswer, SqlQuestion, too_much
from flowkernel.store.user_sql import SqlLimits, is_out_of_memory


def answer(copy: FollowingCopy, question: SqlQuestion) -> SqlAnswer:
    """The result of a question, or what is wrong with it."""
    deadline = monotonic() + question.time_left
    try:
        copy.follow(question.frame)
    except Exception as error:
        return _broken(error)
    try:
        return SqlAnswer(content=_content(copy, question, deadline))
    except Exception as error:
        return _refusal(error, question)


def _broken(error: Exception) -> SqlAnswer:
    """What is in memory may be half of a frame; without memory, the copy itself is sound."""
    is_lost = not is_out_of_memory(error.__cause__ or error)
    return SqlAnswer(
        error=str(error), is_fault=True, is_worn=True, is_copy_lost=is_lost
    )


def _refusal(error: Exception, question: SqlQuestion) -> SqlAnswer:
    if is_out_of_memory(error):
        return SqlAnswer(error=too_much(question.megabytes), is_worn=True)
    if isinstance(error, FlowkernelError):
        return SqlAnswer(error=str(error), is_fault=isinstance(error, EngineError))
    return SqlAnswer(error=f"{type(error).__name__}: {error}", is_fault=True)


def _content(copy: FollowingCopy, question: SqlQuestion, deadline: float) -> bytes:
    time_left = max(0.0, deadline - monotonic())
    limits = SqlLimits(question.seconds, question.rows, question.size, time_left)
    if question.format == "arrow":
        return copy.query_arrow(question.sql, limits)
    table = copy.query(question.sql, limits)
    names = ("columns", "types", "rows", "is_cut")
    return dumps({name: getattr(table, name) for name in names}).encode()
