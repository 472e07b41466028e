"""What a shell is offered: it runs none of it, and each word stays one."""

import shlex

import nbformat
import pytest

from flowkernel.cli import main
from flowkernel.cli.completion import complete_flow
from flowkernel.cli.shell_words import (
    MAX_HELP,
    bash_words,
    first_sentence,
    safe_help,
    safe_words,
)
from flowkernel.client import quick_look
from tests.unit.test_cli_help import COMMANDS


@pytest.fixture
def offered(monkeypatch, capsys):
    """What a shell is sent for a line."""

    def offered(line, shell):
        words = line.split(" ")
        variables = {
            "_FLOWKERNEL_COMPLETE": f"complete_{shell}",
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "COMP_WORDS": "\n".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert main([]) == 0
        return capsys.readouterr().out

    return offered


def write_notebook(path, source):
    """A notebook whose first cell has the parameters."""
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_a_comment_in_a_file_is_no_command(offered, tmp_path, shell):
    write_notebook(
        tmp_path / "daily.ipynb",
        r"day = 1  # \$(touch bad) `touch bad` 'a' \"b\" \\",
    )

    output = offered("flowkernel run daily.ipynb -p ", shell)

    assert "day" in output
    assert "touch bad" in output
    assert not {"$", "`"} & set(output)


def test_a_help_is_not_read_as_markup(offered, tmp_path):
    write_notebook(tmp_path / "daily.ipynb", "day = 1  # [/data] root of [prod] files")

    for shell in ("zsh", "fish"):
        output = offered("flowkernel run daily.ipynb -p ", shell)
        assert "[/data] root of [prod] files" in output


def test_a_help_has_one_short_line():
    text = safe_help("a\n\x1b[31mb\t" + "c" * 200)

    assert text.startswith("a b ccc")
    assert len(text) == 72


@pytest.mark.parametrize(
    "word", ["x$(cmd)", "x`cmd`", 'a"b', "a'b", "a\\b", "a\nb", "\x1b[31m"]
)
@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell", "pwsh"])
def test_a_word_that_would_be_run_is_not_offered(shell, word):
    words = [word, "fine", (word, "help"), ("good", "help")]

    assert safe_words(words, shell, "") == ["fine", ("good", "help")]


def test_powershell_gets_no_word_that_needs_quotes():
    assert safe_words(["a;b", "a b", "a.py"], "pwsh", "") == ["a.py"]


@pytest.mark.parametrize(
    "name", ["my report.py", "x$(cmd).py", "a;cmd.py", "it's `cmd`.py", "a(1)&.py"]
)
def test_bash_gets_a_file_as_one_quoted_word(offered, tmp_path, name):
    (tmp_path / name).write_text("day = 1\n")

    word = shlex.quote(name)
    assert offered(f"flowkernel run {name[0]}", "bash") == f"{word}\n"
    assert offered(f"flowkernel run ./{name[0]}", "bash") == f"./{word}\n"


def test_a_plain_word_is_not_quoted(offered, tmp_path):
    (tmp_path / "daily.py").write_text("day = 1\n")

    assert offered("flowkernel run da", "bash") == "daily.py\n"
    assert bash_words("./\n~/my x\n", "flowkernel run ") == "./\n~/'my x'\n"


def test_behind_an_open_quote_bash_gets_what_is_plain_there(offered, tmp_path):
    for name in ("my report.py", "my $(cmd).py", "my !1.py", "my'.py"):
        (tmp_path / name).write_text("day = 1\n")

    for quote in "'\"":
        assert offered(f"flowkernel run {quote}my", "bash") == "my report.py\n"


@pytest.mark.parametrize("word", ["a*", "a?", "a[1]", "a\\b", "@(a)", "a\nb"])
def test_bash_gets_no_word_that_it_takes_for_a_pattern(word):
    assert safe_words([word, "a"], "bash", "") == ["a"]


def test_without_an_engine_nothing_is_waited_for(monkeypatch, tmp_path):
    seconds = []

    def exchange(_client, _method, _path, _body, limit):
        seconds.append(limit)
        raise TimeoutError

    monkeypatch.setattr(quick_look.QuickClient, "_exchange", exchange)

    assert complete_flow("re") == []
    assert seconds == [quick_look.LOOK_SECONDS]


@pytest.mark.parametrize(
    "path", ["flowkernel", "flowkernel execution", "flowkernel run"]
)
def test_each_command_and_option_is_one_line_with_its_first_sentence(offered, path):
    """fish would offer a second line as a word."""
    command = COMMANDS[path]
    names = {*getattr(command, "commands", {})}
    options = {
        flag for item in command.params for flag in item.opts if flag[:2] == "--"
    }

    lines = offered(f"{path} --", "fish").splitlines()
    if names:
        lines += offered(f"{path} ", "fish").splitlines()

    words = dict(line.split("\t") for line in lines)
    assert words.keys() == names | options | {"--help"}
    assert max(map(len, words.values())) <= MAX_HELP


@pytest.mark.parametrize("path", [path for path in COMMANDS if " " in path])
def test_no_first_sentence_is_too_long_for_a_shell(path):
    command = COMMANDS[path]
    helps = [*(item.help for item in command.params), command.get_short_help_str()]

    sentences = [first_sentence(text) for text in helps]

    assert not [text for text in sentences if text.endswith(("...", "\u2026"))]
