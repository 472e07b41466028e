"""How the server extension refuses a request: a code for programs, a sentence for people."""

from tornado.web import HTTPError

from flowkernel.core.errors import FlowkernelError, Unauthorized
from flowkernel.core.http_status import http_status_of
from flowkernel.core.json_record import Json

#: Of an engine that does not take our token. 401 would say to a page that nobody is logged in.
AWAY = 503


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
    """The HTTP status of an error of ours, for a page."""
    return AWAY if isinstance(error, Unauthorized) else http_status_of(error)


def refusal_json(refusal: PanelRefusal) -> dict[str, Json]:
    """The body of the response."""
    return {"code": refusal.code, "message": refusal.message}
