"""All commands, and typer's parser for them.

The first sentence of a command's docstring is in the list of commands; the lines below
`Examples:` are at the end of its help.
"""

import functools
import inspect
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from flowkernel.cli import (
    COMPLETION,
    database_commands,
    engine_commands,
    execution_commands,
    flow_commands,
    message_commands,
    run_command,
)
from flowkernel.cli.options import (
    Argument,
    Command,
    Declaration,
    Option,
    declarations,
)
from flowkernel.cli.parameters import WRAPPER_FLAG, join_wrappers
from flowkernel.cli.run_command import target_help
from flowkernel.cli.shell_words import MAX_HELP, first_sentence, safe_words
from flowkernel.core.text import plain_text

TEXT_TYPE = " <str>"  #: What typer writes behind the name of an argument.
#: Under which name the context of a command has its words.
WORDS = "flowkernel.words"

#: The commands of each group, in the order of the help. Without a group: "".
COMMANDS: Mapping[str, Mapping[str, Command]] = {
    "": {
        "run": run_command.run,
        "sql": database_commands.query_database,
        "backup": database_commands.back_up,
        "prune": database_commands.prune,
        "compact": database_commands.compact,
        "rebuild": database_commands.rebuild,
        "doctor": engine_commands.examine,
    },
    "flow": {
        "list": flow_commands.list_flows,
        "show": flow_commands.show_flow,
        "register": flow_commands.register_flow,
        "wrap": flow_commands.wrap_flow,
        "delete": flow_commands.delete_flow,
    },
    "execution": {
        "list": execution_commands.list_executions,
        "show": execution_commands.show_execution,
        "diff": execution_commands.compare_executions,
        "tree": execution_commands.show_tree,
        "log": execution_commands.print_log,
        "cancel": execution_commands.cancel_execution,
        "pause": execution_commands.pause_execution,
        "resume": execution_commands.resume_execution,
        "retry": execution_commands.retry_execution,
        "release": execution_commands.release_kernel,
        "delete": execution_commands.delete_execution,
    },
    "message": {
        "list": message_commands.list_messages,
        "show": message_commands.show_message,
        "answer": message_commands.answer_message,
    },
    "engine": {
        "start": engine_commands.start_engine,
        "stop": engine_commands.stop_engine,
        "status": engine_commands.show_engine,
    },
}
#: The help of each group, in the form of a docstring.
GROUPS: Mapping[str, str] = {
    "": """Run notebook cells, notebooks and scripts as flows, and record every run.

    Each flow runs in a kernel of its own. What runs is recorded in the home: the folder
    `.flowkernel` here or above, or the one that FLOWKERNEL_HOME names. The help of each
    command has examples.

    Examples:
        flowkernel run notebooks/quickstart.ipynb
        flowkernel execution list
        flowkernel execution list --help
    """,
    "flow": """Flows: notebooks, scripts and cells that have a name.

    Examples:
        flowkernel flow register notebooks/quickstart.ipynb
        flowkernel flow list
    """,
    "execution": """Runs: list them, look at one, stop it, start it again.

    Examples:
        flowkernel execution list --status failed
        flowkernel execution show 1eacc1a0
    """,
    "message": """Messages from runs to people, and their answers.

    Examples:
        flowkernel message list
        flowkernel message answer 5c0ffee5 retry
    """,
    "engine": """The engine: the process that starts runs and records them.

    Examples:
        flowkernel engine status
        flowkernel engine stop
    """,
}


class _Examples:
    """Shows the epilog of a command as its examples, and each help as a person reads it."""

    epilog: str | None

    def get_help(self, ctx: Any) -> str:
        """Without the type of each argument, which is text."""
        text: str = super().get_help(ctx)  # type: ignore[misc]
        return text.replace(TEXT_TYPE, " " * len(TEXT_TYPE))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Without braces around what is required."""
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [piece.strip("{}") for piece in pieces]

    def get_short_help_str(self, limit: int = MAX_HELP) -> str:
        """The first sentence, also for a shell that completes."""
        return str(super().get_short_help_str(limit))  # type: ignore[misc]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Each help as one line: a shell would offer the next one as a word."""
        items: list[Any] = super().shell_complete(ctx, incomplete)  # type: ignore[misc]
        for item in items:
            item.help = first_sentence(item.help or "")
        return items

    def format_epilog(self, _context: Any, formatter: Any) -> None:
        """Write them line by line, as they are."""
        if self.epilog:
            with formatter.section("Examples"):
                formatter.write(textwrap.indent(self.epilog, "  ") + "\n")


class _Group(_Examples, TyperGroup):
    """Commands with a common first word."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Groups stand behind `run`: that is most of what people type."""
        names = super().list_commands(ctx)
        groups = [name for name in names if name in GROUPS]
        others = [name for name in names if name not in GROUPS]
        return [*others[:1], *groups, *others[1:]]


class _Command(_Examples, TyperCommand):
    """One command."""

    def format_epilog(self, context: Any, formatter: Any) -> None:
        """Write the examples, and what else is known of the target of this command."""
        super().format_epilog(context, formatter)
        words = context.meta.get(WORDS, ())
        text = target_help(words) if self.name == "run" and words else ""
        if text:
            formatter.write(f"\n{plain_text(text)}\n")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take out the parameters of wrappers first, where wrappers can be named."""
        ctx.meta[WORDS] = [*args]
        if ctx.resilient_parsing:  # The shell asks how an unfinished word can go on.
            return super().parse_args(ctx, args)
        flags = {flag for parameter in self.get_params(ctx) for flag in parameter.opts}
        if WRAPPER_FLAG in flags:
            args = join_wrappers(args, frozenset(flags))
        return super().parse_args(ctx, args)


def _version(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def make_app(commands: Mapping[str, Mapping[str, Command]]) -> typer.Typer:
    """Typer's parser for the commands of each group."""
    root = _make_group("")
    root.callback()(_version)
    for group_name, members in commands.items():
        group = _make_group(group_name) if group_name else root
        for name, command in members.items():
            text, examples = split_examples(command.__doc__ or "")
            add = group.command(name, cls=_Command, help=text, epilog=examples)
            add(_as_typer(command))
        if group is not root:
            root.add_typer(group, name=group_name)
    return root


def _make_group(name: str) -> typer.Typer:
    text, examples = split_examples(GROUPS[name])
    return typer.Typer(
        cls=_Group,
        help=text,
        epilog=examples,
        no_args_is_help=True,
        add_completion=not name,  # The root alone.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def split_examples(docstring: str) -> tuple[str, str]:
    """The text of a docstring, and the lines below its `Examples:`."""
    text, _, examples = inspect.cleandoc(docstring).partition("\n\nExamples:\n")
    return text, textwrap.dedent(examples)


def _as_typer(command: Command) -> Command:
    """The command with its parameters declared as typer takes them."""

    @functools.wraps(command)
    def call(**arguments: Any) -> Any:
        return command(**arguments)

    parameters = [_typer_parameter(item) for item in declarations(command)]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {item.name: item.annotation for item in parameters}
    return call


def _typer_parameter(declaration: Declaration) -> inspect.Parameter:
    kind = declaration.kind
    if isinstance(kind, Argument):
        info = typer.Argument(
            metavar=kind.metavar, help=kind.help, autocompletion=_completion(kind)
        )
    else:
        info = typer.Option(
            *kind.flags,
            metavar=kind.metavar,
            help=kind.help,
            min=kind.minimum,
            autocompletion=_completion(kind),
        )
    return inspect.Parameter(
        declaration.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=declaration.default,
        annotation=Annotated[declaration.type, info],
    )


def _completion(kind: Argument | Option) -> Callable[..., Any] | None:
    """How typer completes a word of this kind."""
    complete = kind.complete
    if complete is None:
        return None

    def words(ctx: typer.Context, incomplete: str) -> Sequence[str | tuple[str, str]]:
        # With an option that has no value yet, typer does not see the target.
        targets = [word for word in ctx.meta.get(WORDS, ())[:1] if word[:1] != "-"]
        parameters = {k: value for k, value in ctx.params.items() if value is not None}
        parameters = {"target": next(iter(targets), None), **parameters}
        shell = os.environ.get(COMPLETION, "").removeprefix("complete_")
        line = os.environ.get("COMP_WORDS", "")
        return safe_words(complete(parameters, incomplete), shell, line)

    return words


app = make_app(COMMANDS)
