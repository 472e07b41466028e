"""What `flowkernel run` does: check the inputs, start the run, follow it."""

from typing import Any

from flowkernel.api import start
from flowkernel.cli.cli_client import make_client, waiting
from flowkernel.cli.exit_codes import SUCCESS
from flowkernel.cli.parameters import inputs_in, texts_in
from flowkernel.cli.run_output import print_started, watch_run
from flowkernel.cli.termination import termination
from flowkernel.client.flow_source import is_path
from flowkernel.client.sent_variables import named_variables


class PassedValues:
    """What a person passes to a flow."""

    def __init__(self, pairs: list[str], variables: list[str]) -> None:
        """What was typed: inputs as `NAME=VALUE`, environment variables as `NAME[=VALUE]`.

        Raises:
            BadArgument: One of them cannot be read.
        """
        self.inputs = inputs_in(pairs)
        self.texts = texts_in(pairs, self.inputs)  #: What some of them were read from.
        self.environ = named_variables(variables)


def run_target(
    target: str,
    passed: PassedValues,
    options: dict[str, Any],
    *,
    waits: bool,
    detaches: bool,
    as_json: bool,
) -> int:
    """Start a flow or a file, and follow it; the exit code that says how it ended.

    Args:
        options: Those of `flowkernel.api.start` that are no values.
        waits: False: only print its id.
    """
    client = make_client(makes_home=is_path(target))
    values: dict[str, Any] = {"texts": passed.texts, "environ": passed.environ}
    with termination() as request:
        client.termination = request
        request.hold()
        with waiting(f"Starting {target}", client.note):
            execution = start(client, target, passed.inputs, **options, **values)
        if not waits:
            print_started(execution, as_json=as_json)
            return SUCCESS
        end: dict[str, Any] = {"termination": request, "detaches": detaches}
        return watch_run(client, execution, as_json=as_json, **end)
