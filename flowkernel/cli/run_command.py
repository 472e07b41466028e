"""`flowkernel run`: its options, and what they do.

Both parsers of the command line import this module, so it imports the rest when it runs.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from flowkernel.cli.options import Argument, AsJson, Detach, NoWait, Option, Words
from flowkernel.cli.parameters import PAIR_FLAGS, wrappers_in
from flowkernel.cli.using_option import Using


def _complete_target(_parameters: Mapping[str, Any], incomplete: str) -> Words:
    from flowkernel.cli.completion import complete_target

    return complete_target(incomplete)


def _complete_pair(parameters: Mapping[str, Any], incomplete: str) -> Words:
    from flowkernel.cli.completion import complete_parameter

    return complete_parameter(parameters.get("target"), incomplete)


Target = Annotated[
    str,
    Argument(
        complete=_complete_target,
        metavar="TARGET",
        help="The name of a flow, or the path of an .ipynb or .py file.",
    ),
]
Pairs = Annotated[
    list[str] | None,
    Option(
        PAIR_FLAGS,
        complete=_complete_pair,
        metavar="NAME VALUE",
        help="An input of the flow. May be repeated. A value that is true, false, none, "
        'null, a number, or JSON in [], {} or "" is read as such; any other value is text.',
    ),
]
Name = Annotated[
    str | None,
    Option(
        ("--name",),
        metavar="NAME",
        help="Name of this run. Default: the name of the flow.",
    ),
]
Interactive = Annotated[
    bool,
    Option(
        ("--interactive",),
        help="If it fails, wait until a person decides, without a time limit.",
    ),
]
Attended = Annotated[
    bool,
    Option(
        ("--attended",),
        help="A person is there, and is asked if it fails under a wrapper that asks. Default: "
        "only if somebody was active lately.",
    ),
]
Unattended = Annotated[
    bool,
    Option(
        ("--unattended",),
        help="Nobody is there: if it fails, nobody is asked, and it fails at once. For cron.",
    ),
]
AllowExtra = Annotated[
    bool,
    Option(
        ("--allow-extra",),
        help="Pass inputs on that the flow does not declare. Default: they are refused.",
    ),
]
Kernel = Annotated[
    str | None,
    Option(
        ("-k", "--kernel"),
        metavar="NAME",
        help="Another kernel for this run alone. It is a name, or the folder of a venv or "
        "conda environment. What the flow starts keeps its own. Default: that of the flow.",
    ),
]
KeepKernel = Annotated[
    bool,
    Option(
        ("--keep-kernel",),
        help="Keep the kernel after the end, also if it succeeds. JupyterLab shows its "
        "variables. Default: it ends with the run.",
    ),
]
Environ = Annotated[
    list[str] | None,
    Option(
        ("-e", "--env"),
        metavar="NAME[=VALUE]",
        help="An environment variable that the run sees. Without a value, it is that of this "
        "terminal. May be repeated. Default: all of this terminal, or those that the setting "
        "`pass_environment` names.",
    ),
]


def run(
    target: Target,
    *,
    parameter: Pairs = None,
    name: Name = None,
    using: Using = None,
    interactive: Interactive = False,
    attended: Attended = False,
    unattended: Unattended = False,
    allow_extra: AllowExtra = False,
    kernel: Kernel = None,
    keep_kernel: KeepKernel = False,
    env: Environ = None,
    no_wait: NoWait = False,
    detach: Detach = False,
    json: AsJson = False,
) -> int:
    """Run a flow, a notebook or a script, and show its progress.

    `flowkernel run TARGET --help` lists the parameters of that target, too.

    Examples:
        flowkernel run report.ipynb -p day 2026-01-01 --name "report of January 1"
        flowkernel run report -e API_KEY --using retry --max-tries 5
    """
    from flowkernel.cli import run_operations
    from flowkernel.core.presence_flags import said_attendance

    options: dict[str, Any] = {"name": name, "using": wrappers_in(using or [])}
    options |= {"interactive": interactive, "extra": allow_extra, "kernel": kernel}
    options["keep_kernel"] = keep_kernel
    options["attended"] = said_attendance(attended=attended, unattended=unattended)
    return run_operations.run_target(
        target,
        run_operations.PassedValues(parameter or [], env or []),
        options,
        waits=not no_wait,
        detaches=detach,
        as_json=json,
    )


def target_help(words: Sequence[str]) -> str:
    """What the target among some words declares; empty if there is none.

    Args:
        words: Those after `run`, `--help` among them.
    """
    from flowkernel.cli.cli_client import make_client, waiting
    from flowkernel.cli.quick_parser import quick_parse
    from flowkernel.cli.run_operations import file_hint
    from flowkernel.client.target_signature import target_signature
    from flowkernel.core.errors import FlowkernelError
    from flowkernel.display.parameter_list import parameters_text

    arguments = quick_parse(run, [word for word in words if word != "--help"])
    if arguments is None:
        return ""
    target = arguments["target"]
    client = make_client()
    try:
        with waiting(f"Reading {target}", client.note), file_hint(target):
            return parameters_text(target, target_signature(client, target))
    except FlowkernelError as error:
        return str(error)
