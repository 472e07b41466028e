"""A person's own editor, `$VISUAL` or `$EDITOR`, for a text of several lines."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from flowkernel.core.errors import BadAnswer

VARIABLES = ("VISUAL", "EDITOR")


def edit_text(text: str, *, suffix: str = ".py") -> str:
    """The text as a person has changed it in their editor.

    Raises:
        BadAnswer: There is no editor, or it failed. What it saved is kept in a file.
    """
    command = _editor_command()
    path = keep_text(text, suffix=suffix)
    _run(command, path, text)
    try:
        edited = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadAnswer(
            f"What {command[0]!r} saved in {str(path)!r} cannot be read as UTF-8 "
            f"({type(error).__name__}). Nothing was changed here."
        ) from error
    path.unlink()
    # Editors end the last line; the source of a cell has no such end.
    return edited.removesuffix("\n") if not text.endswith("\n") else edited


def keep_text(text: str, *, suffix: str = ".py") -> Path:
    """Write a text to a new temporary file, which its owner alone can read; the file."""
    with tempfile.NamedTemporaryFile(
        "w", suffix=suffix, prefix="flowkernel-", encoding="utf-8", delete=False
    ) as file:
        file.write(text)
    return Path(file.name)


def kept_note(text: str) -> str:
    """Keep a text that a person wrote and that is no answer; where it is, as a sentence."""
    try:
        return f"What you wrote is kept in {str(keep_text(text))!r}."
    except OSError as error:
        return f"What you wrote cannot be kept in a file ({error.strerror}):\n{text}"


def _editor_command() -> list[str]:
    """The words of the command.

    Raises:
        BadAnswer: Neither variable is set, or its quotes do not match.
    """
    for name in VARIABLES:
        value = os.environ.get(name, "").strip()
        if not value:
            continue
        try:
            return shlex.split(value)
        except ValueError as error:
            raise BadAnswer(
                f"{name} is {value!r}, which is no command: {error}. Nothing was changed."
            ) from error
    raise BadAnswer(
        "There is no editor: set EDITOR, for example by `export EDITOR=nano`. "
        "Nothing was changed; the text can be edited here."
    )


def _run(command: list[str], path: Path, text: str) -> None:
    """Run the editor until it ends.

    Raises:
        BadAnswer: It cannot be started, or ends with an error.
    """
    try:
        code = subprocess.run([*command, str(path)], check=False).returncode
    except OSError as error:
        path.unlink()
        reason = (error.strerror or str(error)).lower()
        raise BadAnswer(
            f"The editor {command[0]!r} cannot be started: {reason}. Set EDITOR to one that "
            "is installed. Nothing was changed."
        ) from error
    if code != 0:
        raise BadAnswer(
            f"The editor {command[0]!r} ended with the exit code {code}: its text was not "
            f"taken. {_rest(path, text)}"
        )


def _rest(path: Path, text: str) -> str:
    """What is left of an editor that failed, as a sentence."""
    if path.exists() and path.read_bytes() != text.encode():
        return f"What it saved is in {str(path)!r}."
    path.unlink(missing_ok=True)
    return "Nothing was changed."
