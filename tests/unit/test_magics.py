"""The magics in a real shell, without an engine: the line, loading and unloading."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from flowkernel.core.errors import BadArgument
from flowkernel.core.status import ExecutionStatus
from flowkernel.magics.flow_magics import FlowMagics
from flowkernel.magics.magic_arguments import (
    WrapperArgument,
    inputs_of,
    own_options,
    parse,
    split,
    value_of,
)

OURS = {
    "line": {"flow_run", "flows", "executions", "execution", "inbox"},
    "cell": {"flow", "flow_sql", "wrapper"},
}


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InteractiveShell]:
    """A real shell, whose home has no engine."""
    monkeypatch.setenv("FLOWKERNEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    yield shell
    shell.extension_manager.unload_extension("flowkernel")
    InteractiveShell.clear_instance()


def run(shell: InteractiveShell, cell: str) -> Any:
    """Run a cell; its value."""
    return shell.run_cell(cell).raise_error() or shell.user_ns.get("_")


# -- loading -------------------------------------------------------------------------------


def test_loading_adds_every_magic_and_unloading_leaves_nothing(shell):
    before = {kind: set(shell.magics_manager.magics[kind]) for kind in OURS}
    names = set(shell.user_ns)

    shell.run_line_magic("load_ext", "flowkernel")
    loaded = {k: set(shell.magics_manager.magics[k]) - before[k] for k in OURS}
    shell.run_line_magic("unload_ext", "flowkernel")

    assert loaded == OURS
    assert {kind: set(shell.magics_manager.magics[kind]) for kind in OURS} == before
    assert "FlowMagics" not in shell.magics_manager.registry
    assert not [item for item in shell.configurables if isinstance(item, FlowMagics)]
    assert set(shell.user_ns) == names


def test_it_can_be_loaded_again(shell):
    shell.run_line_magic("load_ext", "flowkernel")
    shell.run_line_magic("reload_ext", "flowkernel")

    assert OURS["line"] <= set(shell.magics_manager.magics["line"])


def test_loading_starts_nothing(shell, tmp_path, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "x.ipynb"))
    threads = threading.active_count()

    shell.run_line_magic("load_ext", "flowkernel")

    assert threading.active_count() == threads
    assert not (tmp_path / "home").exists()


def test_loading_imports_nothing_heavy():
    """It adds less than 0.3 s to a kernel, because it hardly imports anything."""
    code = (
        "import sys, IPython.core.interactiveshell as i, traitlets.config as t;"
        "c = t.Config(); c.HistoryManager.enabled = False;"
        "shell = i.InteractiveShell.instance(config=c);"
        "before = set(sys.modules); shell.run_line_magic('load_ext', 'flowkernel');"
        "new = {n.partition('.')[0] for n in set(sys.modules) - before};"
        "print(sorted(new - {'IPython'} - set(sys.stdlib_module_names)))"
    )

    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )

    assert process.stdout.strip() == "['flowkernel']", process.stderr


# -- help ----------------------------------------------------------------------------------

NAMES = sorted(OURS["line"] | OURS["cell"])


@pytest.mark.parametrize("name", NAMES)
def test_every_magic_has_help_in_sentences(name):
    magic = getattr(FlowMagics, name)

    assert magic.parser.description.strip()
    for action in magic.parser._actions:
        assert re.fullmatch(r"[A-Z].*\.", action.help), action.dest


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_magic_begins_with_as_many_percent_signs_as_it_has(name):
    marks = "%%" if name in OURS["cell"] else "%"

    usage = getattr(FlowMagics, name).parser.format_usage()

    assert re.search(rf"(?<!%){marks}{name}\b", usage)


@pytest.mark.parametrize("name", NAMES)
def test_every_magic_has_one_to_three_examples_that_are_correct(name):
    magic = getattr(FlowMagics, name)
    marks = "%%" if name in OURS["cell"] else "%"

    section = magic.parser.description.partition("Examples:\n")[2]
    examples = [line.strip() for line in section.splitlines() if line.strip()]

    assert 1 <= len(examples) <= 3
    for example in examples:
        match = re.fullmatch(rf"(?:\w+ = )?{marks}{name}\b(.*)", example)
        assert match is not None, example
        arguments = parse(magic, match[1], {})
        inputs_of(getattr(arguments, "inputs", []), {})


@pytest.mark.parametrize("status", ExecutionStatus)
def test_help_has_the_words_for_a_status_and_not_what_is_stored(status):
    text = FlowMagics.executions.parser.format_help()

    assert status.label in text
    assert status.value not in text


@pytest.mark.parametrize("name", ["flow", "flow_run"])
def test_no_option_of_a_magic_becomes_a_parameter_of_a_wrapper(name):
    """They are read from the declarations: there is no second list of them."""
    magic = getattr(FlowMagics, name)
    [wrapper] = [item for item in magic.decorators if isinstance(item, WrapperArgument)]
    declared = {flag for a in magic.parser._actions for flag in a.option_strings}

    assert own_options(magic) == declared
    for action in magic.parser._actions:
        if not action.option_strings or wrapper.flag in action.option_strings:
            continue
        value = next(iter(action.choices or ["1"]))
        option = action.option_strings[0] + ("" if action.nargs == 0 else f" {value}")

        arguments = parse(magic, f"target {wrapper.flag} retry --max-tries 5 {option}")

        assert getattr(arguments, wrapper.flag.strip("-")) == [
            {"name": "retry", "inputs": {"max_tries": 5}}
        ]
        assert getattr(arguments, action.dest) != action.default or action.choices


# -- the line ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b=1", ["a", "b=1"]),
        ("  a   b=[1, 2] c", ["a", "b=[1, 2]", "c"]),
        ("a b={'x': [1, ')'] } c=3", ["a", "b={'x': [1, ')'] }", "c=3"]),
        ('a b="x y"', ["a", 'b="x y"']),
        ('"my flow" a=1', ["my flow", "a=1"]),
        ("a --name='x y' --no-wait", ["a", "--name=x y", "--no-wait"]),
        ("a note=don't b=1", ["a", "note=don't", "b=1"]),
        (r"a b='it\'s ok'", ["a", r"b='it\'s ok'"]),
        ("a b=x(y) c", ["a", "b=x(y)", "c"]),
        ("a smile=:) b=]", ["a", "smile=:)", "b=]"]),
        ("", []),
    ],
)
def test_spaces_in_quotes_and_brackets_do_not_separate_words(line, words):
    assert split(line) == words


@pytest.mark.parametrize(("line", "missing"), [("a b='x y", "'"), ("a b=[1, 2", "]")])
def test_what_is_not_closed_is_an_error(line, missing):
    with pytest.raises(BadArgument, match="lacks the closing") as caught:
        split(line)

    assert missing in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-2.5", -2.5),
        ("None", None),
        ("'text'", "text"),
        ("[1, 'b']", [1, "b"]),
        ('{"a":1}', {"a": 1}),
        ("rows", [1, 2]),
        ("{len(rows)}", 2),
        ("{rows}", [1, 2]),
        ("$rows", [1, 2]),
        ("day-{day}-$day", "day-mon-mon"),
        ("2026-01-01", "2026-01-01"),
        ("unknown", "unknown"),
        ("{not python", "{not python"),
        ("$5", "$5"),
        ("", ""),
    ],
)
def test_values_are_literals_variables_or_text(text, value):
    assert value_of(text, {"rows": [1, 2], "day": "mon"}) == value


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["x"], "no '='"),
        (["a b=1"], "cannot be the name"),
        (["a=1", "a=2"], "given twice"),
        (["a={1/0}"], "ZeroDivisionError"),
    ],
)
def test_wrong_inputs_are_sentences(words, sentence):
    with pytest.raises(BadArgument, match=sentence):
        inputs_of(words, {})


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("%flow_run", "Usage: %flow_run"),
        ("%flow_run x y", "'y' has no '='"),
        ("%executions --limit many", "invalid int value"),
        ("%executions --status lost", "There is no status 'lost'"),
        ("%flows x", "Usage: %flows"),
        ("%%flow\nx = 1", "Usage: %%flow"),
        ("%%flow x --on-lost never\nx = 1", "invalid choice"),
        ("%%flow x --cell-timeout -1\nx = 1", "takes seconds, more than 0"),
        ("%%flow x\nx = (", "not valid Python in line 2"),
        ("%%flow x\n\n\n\ndef f(:\n    pass", "not valid Python in line 5"),
        ("%%flow_sql\n\n", "The cell is empty"),
        ("%flow_run missing.ipynb", "There is no file 'missing.ipynb'"),
        ("%flow_run x a={1, 2}", "which is not JSON"),
    ],
)
def test_mistakes_leave_an_error_that_a_notebook_keeps(shell, capsys, line, sentence):
    """IPython's UsageError would leave none, and papermill would lose the message."""
    shell.run_line_magic("load_ext", "flowkernel")

    result = shell.run_cell(line)

    assert result.error_in_exec is not None
    assert type(result.error_in_exec).__name__ != "UsageError"
    assert sentence in str(result.error_in_exec)
    assert "Traceback" not in capsys.readouterr().out
