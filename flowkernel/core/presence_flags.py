"""Whether a person is there for a run, where a person says so at its start. Pure."""

from flowkernel.core.errors import BadArgument


def said_attendance(*, attended: bool, unattended: bool) -> bool | None:
    """What two flags say: a person is there, nobody is; None: neither.

    Raises:
        BadArgument: They contradict each other.
    """
    if attended and unattended:
        raise BadArgument(
            "--attended and --unattended contradict each other: give one."
        )
    return attended or (False if unattended else None)
