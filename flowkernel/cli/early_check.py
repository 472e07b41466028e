"""The inputs of a file, checked by the command where an engine would have to start first."""

from flowkernel.client.client import Client
from flowkernel.client.flow_source import is_path, read_source
from flowkernel.core.models import FlowKind, Json


def check_early(
    client: Client,
    target: str,
    inputs: dict[str, Json],
    *,
    texts: dict[str, str],
    allow_extra: bool,
) -> None:
    """Refuse wrong inputs at once; the engine, which checks all starts, takes seconds to start.

    Raises:
        BadInputs: Says everything that is wrong.
        FileMissing, NotANotebook, BadArgument: The file cannot be read.
    """
    if not is_path(target) or client.home.engine_file.exists():
        return
    from flowkernel.core.signature_reader import read_signature

    fields = read_source(target)
    signature = read_signature(FlowKind(fields["kind"]), fields["source"])
    if not signature:
        return
    from flowkernel.engine.input_check import InputCheck, PassedInputs

    passed = PassedInputs(values=inputs, texts=texts, allow_extra=allow_extra)
    InputCheck.of(signature).check(fields["name"], passed)
