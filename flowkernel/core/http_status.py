"""The HTTP status of each error, for whatever answers over HTTP: engine and panel. Pure."""

from flowkernel.core.errors import (
    AttemptIsOver,
    DiskFull,
    EngineBusy,
    EngineError,
    EngineStopped,
    EngineUnreachable,
    ExecutionNotFound,
    FileMissing,
    FlowkernelError,
    FlowNotFound,
    HomeMissing,
    MessageNotFound,
    MoveNotAllowed,
    NotAllowed,
    NotParked,
    RequestError,
    SqlBusy,
    Unauthorized,
    ValueTooBig,
)

#: The first line that fits decides.
HTTP_STATUS: tuple[tuple[type[FlowkernelError], int], ...] = (
    (Unauthorized, 401),
    (FlowNotFound, 404),
    (ExecutionNotFound, 404),
    (MessageNotFound, 404),
    (FileMissing, 404),
    (HomeMissing, 404),
    (MoveNotAllowed, 409),
    (AttemptIsOver, 409),
    (NotParked, 409),
    (NotAllowed, 403),
    (ValueTooBig, 413),
    (SqlBusy, 429),
    (RequestError, 400),
    (EngineStopped, 409),  # It is no fault, and Jupyter Server logs 5xx as one.
    (EngineUnreachable, 503),
    (EngineBusy, 503),
    (DiskFull, 507),
    (EngineError, 500),
    (FlowkernelError, 500),
)


def http_status_of(error: FlowkernelError) -> int:
    """The HTTP status of an error of ours."""
    return next(code for family, code in HTTP_STATUS if isinstance(error, family))
