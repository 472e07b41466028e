"""What `flowkernel run` does: check the inputs, start the run, follow it."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flowkernel.api import start
from flowkernel.cli.cli_client import make_client, waiting
from flowkernel.cli.exit_codes import SUCCESS
from flowkernel.cli.parameters import inputs_in, texts_in
from flowkernel.cli.run_output import print_started, watch_run
from flowkernel.cli.termination import termination
from flowkernel.client.flow_source import is_path, near_files
from flowkernel.client.sent_variables import named_variables
from flowkernel.core.errors import FlowNotFound, HomeMissing
from flowkernel.core.json_values import checked_name
from flowkernel.core.suggestions import quoted_name


@contextmanager
def file_hint(target: str) -> Iterator[None]:
    """Have the error for a flow that there is not name files here that may be meant.

    Raises:
        FlowNotFound, HomeMissing: With them.
    """
    try:
        yield
    except (FlowNotFound, HomeMissing) as error:
        is_about_target = isinstance(error, HomeMissing) or (
            f"named {quoted_name(target)}." in str(error)
        )
        files = near_files(target) if is_about_target and not is_path(target) else []
        if files:
            command = f"`flowkernel run {shlex.quote(files[0])}`"
            names = ", ".join(map(repr, files))
            error.args = (f"{error} A file is here: {names}. {command} runs it.",)
        raise


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
    if options.get("name") is not None:
        checked_name(options["name"], "run")
    client = make_client(makes_home=is_path(target))
    values: dict[str, Any] = {"texts": passed.texts, "environ": passed.environ}
    with termination() as request:
        client.termination = request
        request.hold()
        with waiting(f"Starting {target}", client.note), file_hint(target):
            execution = start(client, target, passed.inputs, **options, **values)
        if not waits:
            print_started(execution, as_json=as_json)
            return SUCCESS
        end: dict[str, Any] = {"termination": request, "detaches": detaches}
        return watch_run(client, execution, as_json=as_json, **end)
