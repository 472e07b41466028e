"""An execution that this worker has been given, and all that is needed to carry it out."""

from dataclasses import dataclass

from flowkernel.config import Config
from flowkernel.core.models import Execution, FlowVersion
from flowkernel.home import Home
from flowkernel.worker.reporting.execution_session import ExecutionSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What an executor gets."""

    execution: Execution
    version: FlowVersion
    session: ExecutionSession
    home: Home
    config: Config
