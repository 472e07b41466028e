"""`flowkernel engine ...` and `flowkernel doctor`: their options and their help.

Imported for every help text, so what a command does is imported when it is called.
"""

from typing import Annotated

from flowkernel.cli.options import AsCsv, AsJson, Option

Force = Annotated[
    bool,
    Option(
        ("--force",), help="Stop it even if runs are under way. They are cancelled."
    ),
]


def start_engine(json: AsJson = False) -> None:
    """Start the engine, if it does not run.

    Other commands start it when they need it.

    Examples:
        flowkernel engine start
    """
    from flowkernel.cli import engine_operations

    engine_operations.start_engine(as_json=json)


def stop_engine(force: Force = False, json: AsJson = False) -> None:
    """Stop the engine. What is recorded is kept.

    The next command that needs the engine starts it again.

    Examples:
        flowkernel engine stop
        flowkernel engine stop --force
    """
    from flowkernel.cli import engine_operations

    engine_operations.stop_engine(force=force, as_json=json)


def show_engine(json: AsJson = False, csv: AsCsv = False) -> int:
    """Show whether the engine runs, and how busy it is.

    It never starts the engine. The exit code is 4 if something is wrong with it.

    Examples:
        flowkernel engine status
    """
    from flowkernel.cli import engine_operations
    from flowkernel.cli.output import OutputForm

    return engine_operations.show_engine(OutputForm.of(json=json, csv=csv))


def examine(json: AsJson = False, csv: AsCsv = False) -> int:
    """Check what flowkernel needs, and say how to repair it.

    It starts nothing and changes nothing. The exit code is 1 if something must be repaired.

    Examples:
        flowkernel doctor
    """
    from flowkernel.cli import doctor
    from flowkernel.cli.output import OutputForm

    return doctor.examine(OutputForm.of(json=json, csv=csv))
