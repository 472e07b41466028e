"""How the server extension refuses a request: a code for programs, a sentence for people."""

from tornado.web import HTTPError

from flowkernel.core.errors import (
    EngineError,
    EngineStopped,
    ExecutionNotFound,
    FileMissing,
    FlowkernelError,
    FlowNotFound,
    MessageNotFound,
    MoveNotAllowed,
    NotAllowed,
    NotParked,
    RequestError,
    SqlBusy,
    ValueTooBig,
)
from flowkernel.core.json_record import Json

#: The first line that fits decides.
HTTP_STATUS: tuple[tuple[type[FlowkernelError], int], ...] = (
    (FlowNotFound, 404),
    (ExecutionNotFound, 404),
    (MessageNotFound, 404),
    (FileMissing, 404),
    (MoveNotAllowed, 409),
    (NotParked, 409),
    (NotAllowed, 403),
    (ValueTooBig, 413),
    (SqlBusy, 429),
    (EngineStopped, 409),  # It is no fault, and Jupyter Server logs 5xx as one.
    (RequestError, 400),
    (EngineError, 503),
    (FlowkernelError, 500),
)


class PanelRefusal(HTTPError):
    """A request that is not carried out.

    Args:
        status: The HTTP status.
        code: What went wrong, for programs.
        message: A whole sentence, which is shown.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status)
        self.code = code
        self.message = message


def refusal_of(error: BaseException | None, status: int, reason: str) -> PanelRefusal:
    """The refusal that an error means.

    Args:
        error: None: only the status is known.
        status: The HTTP status that Jupyter Server has for it.
        reason: A few words of Jupyter Server.
    """
    match error:
        case PanelRefusal():
            return error
        case FlowkernelError():
            return PanelRefusal(status_of(error), type(error).__name__, str(error))
        case HTTPError():
            words = error.log_message or error.reason or reason
            message = f"Jupyter Server refuses this: {words}"
            return PanelRefusal(status, "ServerRefused", message)
    return PanelRefusal(
        500,
        "ServerFault",
        f"The server extension of flowkernel failed ({type(error).__name__}). The log of "
        "Jupyter Server says more.",
    )


def status_of(error: FlowkernelError) -> int:
    """The HTTP status of an error of ours."""
    return next(code for family, code in HTTP_STATUS if isinstance(error, family))


def refusal_json(refusal: PanelRefusal) -> dict[str, Json]:
    """The body of the response."""
    return {"code": refusal.code, "message": refusal.message}
