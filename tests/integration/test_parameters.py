"""Parameters are known before the start, wherever one starts: way by way, fault by fault."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import nbformat
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import flowkernel
from flowkernel.api import client_of
from flowkernel.cli import main
from flowkernel.client.client import Client
from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadAnswer, BadArgument, BadInputs, from_code
from flowkernel.core.models import Flow, FlowKind
from flowkernel.flow_api import Execution
from flowkernel.flow_api.exceptions import ExecutionSuccess
from flowkernel.home import EngineFile, Home
from flowkernel.magics.target_completion import TargetCompleter
from tests.conftest import until
from tests.magic_shell import shell
from tests.stage import (
    PlayedWorker,
    PlayedWrapper,
    engine_in_process,
    set_flow_context,
    shipped_handler,
)

__all__ = ["shell"]

HANDLER = """
from datetime import date
def handler(system, this, *, day: date, rate: float = 1.0):
    this.set_output(day=str(day), rate=rate)
"""
CELL = """\
from datetime import date
day: date  # The day of the report.
rate = 1.0
"""
GOOD = {"day": "2026-11-24", "rate": 2.5}
#: The inputs of each fault, and what the sentence says of it.
FAULTS = {
    "mistyped": (
        {"dya": "2026-11-24", "day": "2026-11-24"},
        "it has no parameter 'dya' (did you mean 'day'?)",
    ),
    "missing": ({"rate": 2.5}, "'day' is missing (a day, as 2026-01-31)"),
    "wrong type": (
        {"day": "2026-11-24", "rate": "fast"},
        "'rate' is \"fast\" and must be a number",
    ),
    "all of it": (
        {"dya": "2026-11-24", "rate": "fast"},
        "'rate' is \"fast\" and must be a number; it has no parameter 'dya' (did you mean",
    ),
}
LIMIT = 0.3  #: Seconds that a refusal may take.


@pytest.fixture
def client(own_home: Home) -> Iterator[Client]:
    with engine_in_process(own_home) as client:
        client.post("/flow", {"name": "report", "kind": "CELL", "source": HANDLER})
        yield client
        client_of(own_home).close()


@pytest.fixture
def notebook(tmp_path: Path) -> str:
    """The path of a notebook with the same parameters."""
    cells = [nbformat.v4.new_code_cell(CELL, metadata={"tags": ["parameters"]})]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "daily.ipynb")
    return str(tmp_path / "daily.ipynb")


@pytest.fixture
def web() -> Iterator[httpx.Client]:
    with httpx.Client() as web:
        yield web


Way = Callable[[dict[str, Any]], Any]


@pytest.fixture
def ways(
    client: Client,
    shell: InteractiveShell,
    notebook: str,
    web: httpx.Client,
    capsys: pytest.CaptureFixture[str],
) -> dict[str, Way]:
    """Every way to start the flow with inputs; each raises what it is refused with."""

    def magic(target: str) -> Way:
        def start(inputs: dict[str, Any]) -> None:
            words = [f"{name}={value!r}" for name, value in inputs.items()]
            shell.run_line_magic("flow_run", f"{target} {' '.join(words)} --no-wait")

        return start

    def command(*target: str) -> Way:
        def start(inputs: dict[str, Any]) -> None:
            pairs = [w for n, v in inputs.items() for w in ("-p", n, str(v))]
            capsys.readouterr()
            if main(["run", *target, *pairs, "--no-wait", "--json"]) != 0:
                raise from_code(**json.loads(capsys.readouterr().out))

        return start

    def post(path: str, body: Callable[[dict[str, Any]], Any]) -> Way:
        def start(inputs: dict[str, Any]) -> None:
            engine = EngineFile.read(client.home)
            assert engine is not None
            response = web.post(
                f"{engine.url}/api/latest{path}",
                json=body(inputs),
                headers={"Authorization": f"Bearer {engine.token}"},
            )
            if not response.is_success:
                raise from_code(**response.json())

        return start

    def python(inputs: dict[str, Any]) -> None:
        flowkernel.run("report", home=client.home, inputs=inputs)

    def child(inputs: dict[str, Any]) -> None:
        parent = client.start({"flow": "report", "inputs": GOOD, "run": False})
        set_flow_context(client, parent.execution_id)
        Execution(client, parent.execution_id).flow("report", wait=False, inputs=inputs)

    def wrapped_child(inputs: dict[str, Any]) -> None:
        parent = client.start({"flow": "report", "inputs": GOOD, "run": False})
        set_flow_context(client, parent.execution_id)
        this = Execution(client, parent.execution_id)
        this.using("retry").flow("report", wait=False, inputs=inputs)

    ended = client.start({"flow": "report", "inputs": GOOD, "run": False})
    client.act(ended.execution_id, "cancel")
    retry = f"/execution/{ended.execution_id}/retry"
    return {
        "%flow_run NAME": magic("report"),
        "%flow_run FILE": magic(notebook),
        "flowkernel run NAME": command("report"),
        "flowkernel run FILE": command(notebook),
        "run --using retry": command("report", "--using", "retry"),
        "flowkernel.run()": python,
        "this.flow()": child,
        "this.using().flow()": wrapped_child,
        "POST execution": post(
            "/execution", lambda inputs: {"flow": "report", "inputs": inputs}
        ),
        "POST execution/ID/retry": post(retry, lambda inputs: {"inputs": inputs}),
    }


def refused_after(
    client: Client, start: Any, inputs: Any, sentence: str, count: int
) -> float:
    """Seconds until it was refused, which left `count` more executions than before."""
    before = len(client.list_executions(limit=1_000))
    began = time.perf_counter()
    with pytest.raises(BadInputs, match=re.escape(sentence)):
        start(inputs)
    seconds = time.perf_counter() - began
    assert len(client.list_executions(limit=1_000)) == before + count
    return seconds


def test_each_fault_is_refused_at_once_on_every_way(ways, client, capsys):
    lines = []
    for name, start in ways.items():
        start(GOOD)
        seconds = []
        for inputs, sentence in FAULTS.values():
            # Of a child, the parent was made by the test itself.
            count = name.startswith("this.")
            refuse = partial(refused_after, client, start, inputs, sentence, count)
            first = refuse()  # Another process may have had the machine just then.
            seconds.append(first if first < LIMIT else refuse())
        lines.append(f"{name:<24}" + "".join(f"{s * 1000:>10.0f} ms" for s in seconds))
        assert max(seconds) < LIMIT, name
    with capsys.disabled():
        titles = "".join(f"{fault:>13}" for fault in FAULTS)
        print(f"\n{'refused after':<24}{titles}", *lines, sep="\n")


@pytest.fixture
def prompt(client: Client) -> Iterator[tuple[PlayedWorker, PlayedWrapper, Any]]:
    """A prompt about a failure of the flow."""
    source = HANDLER.replace(
        "rate: float = 1.0", "rate: float = 1.0, since=date.today()"
    )
    client.post("/flow", {"name": "dated", "kind": "CELL", "source": source})
    inputs = {"flow": "dated", "inputs": GOOD, "is_interactive": True}
    client.start({**inputs, "using": [{"name": "interactive"}]})
    worker = PlayedWorker(client)
    wrapper = PlayedWrapper(
        shipped_handler("interactive"), worker.take(is_wrapper=True)
    )
    failed = worker.take()
    worker.fail(failed)
    [message] = until(lambda: client.get("/message", is_open="true"))
    yield worker, wrapper, message
    wrapper.stop()


def test_other_inputs_in_a_prompt_are_checked_before_the_answer_counts(prompt, client):
    worker, wrapper, message = prompt
    answer = {"retry_with_inputs": True, "inputs.day": "2026-11-25"}

    began = time.perf_counter()
    with pytest.raises(BadAnswer, match="'rate' is \"fast\" and must be a number"):
        respond(client, message, {**answer, "inputs.rate": "fast"})
    assert time.perf_counter() - began < LIMIT
    assert message["body"]["properties"]["inputs.day"]["element"] == "date"
    # What stays empty, and had no value before, has its default.
    respond(client, message, {**answer, "inputs.rate": 3.5, "inputs.since": None})

    again = worker.take()
    assert again.get("inputs") == {"day": "2026-11-25", "rate": 3.5}
    assert again.get("defaults") == {"since": {"source": "date.today()"}}
    worker.succeed(again)
    assert isinstance(wrapper.join(), ExecutionSuccess)


def respond(client: Client, message: Any, response: Any) -> None:
    client.answer(message["message_id"], response, answered_from="test")


def test_a_flow_and_its_versions_say_what_they_take(client):
    flow = client.get("/flow/report")
    version = client.get(f"/flow_version/{flow['flow_version']}")

    assert flow["signature"] == version["signature"]
    assert [p["name"] for p in flow["signature"]["parameters"]] == ["day", "rate"]
    assert client.post("/flow", flow)["flow_version"] == flow["flow_version"]


def test_parameters_that_are_declared_by_words_make_another_version(client):
    flow = {"name": "plain", "kind": "CELL", "source": "x = 1"}
    bare = client.post("/flow", flow)

    declared = client.post("/flow", {**flow, "parameters": ["day: date = today"]})

    assert declared["flow_version"] != bare["flow_version"]
    execution = client.start({"flow": "plain", "run": False})
    assert execution.defaults == {"day": {"value": date.today().isoformat()}}
    with pytest.raises(BadInputs, match="has no parameter 'n'"):
        client.start({"flow": "plain", "inputs": {"n": 1}})
    with pytest.raises(BadArgument, match="does not declare a parameter"):
        client.post("/flow", {**flow, "parameters": ["1"]})


def test_a_retry_keeps_what_it_had(client):
    """Names that were allowed, and the day that `today` was."""
    flow = {"name": "plain", "kind": "CELL", "source": "x = 2"}
    client.post("/flow", {**flow, "parameters": ["day: date = today"]})
    request = {"flow": "plain", "inputs": {"n": 1}, "allow_extra": True, "run": False}
    first = client.start(request)
    client.act(first.execution_id, "cancel")

    second = client.act(first.execution_id, "retry")

    assert (second.inputs, second.defaults) == (first.inputs, first.defaults)
    client.act(second.execution_id, "cancel")
    with pytest.raises(BadInputs, match="no parameter 'dya'"):
        client.act(second.execution_id, "retry", inputs={"n": 1, "dya": 1})


def test_papermill_of_a_person_is_warned_by_papermill_alone(client, notebook):
    source = {"name": "daily", "kind": "NOTEBOOK", "source": Path(notebook).read_text()}
    worker = f"papermill-{new_id()}"

    record = client.post(
        "/execution", {"source": source, "inputs": {"dya": "x"}, "worker": worker}
    )

    assert record["inputs"] == {"dya": "x"}
    assert record["defaults"] == {"day": {"value": None}, "rate": {"value": 1.0}}


LISTING = """\
parameter  type   default     help
---------  -----  ----------  ----------------------
day        date   (required)  The day of the report.
rate       float  1.0
"""


def test_what_a_target_takes_is_listed_before_it_runs(
    shell, client, notebook, capsys, monkeypatch
):
    source = HANDLER.replace("day: date,", "day: date,  # The day of the report.\n")
    client.post("/flow", {"name": "report", "kind": "CELL", "source": source})
    count = len(client.list_executions())
    texts = []
    for words in (
        ["run", "report", "--help"],
        ["run", notebook, "-p", "n", "1", "--help"],
    ):
        assert main(words) == 0
        texts.append(capsys.readouterr().out)
    assert main(["flow", "show", "report"]) == 0
    texts.append(capsys.readouterr().out)
    for line in (
        "%flow_run report?",
        f"%flow_run {notebook} ?",
        "%flow_run report --help",
    ):
        shell.run_cell(line)
        texts.append(capsys.readouterr().out)

    for text in texts:
        assert [line.rstrip() for line in LISTING.splitlines()] == [
            line.rstrip()
            for line in text.splitlines()
            if line.startswith(("parameter ", "-----", "day ", "rate "))
        ]
    assert len(client.list_executions()) == count


def test_help_of_a_target_that_is_not_there_says_so(client, capsys):
    assert main(["run", "reprot", "--help"]) == 0

    output = capsys.readouterr().out
    assert "--allow-extra" in output
    assert "Did you mean 'report'?" in output


def test_the_defaults_of_a_run_are_shown(client, capsys):
    execution = client.start({"flow": "report", "inputs": {"day": "2026-11-24"}})

    assert main(["execution", "show", execution.execution_id]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert 'inputs:        {"day": "2026-11-24"}' in lines
    assert "defaults:      rate = 1.0" in lines


def test_the_shell_completes_flows_files_and_parameters(
    client, notebook, capsys, monkeypatch
):
    def completions(line):
        monkeypatch.setenv("_FLOWKERNEL_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        assert main([]) == 0
        return capsys.readouterr().out.split()

    assert completions("flowkernel run re") == ["report"]
    assert completions("flowkernel run da") == ["daily.ipynb"]
    assert completions("flowkernel run daily.ipynb -p ") == ["day", "rate"]
    assert completions("flowkernel run report -p day 3 -p r") == ["rate"]
    assert completions("flowkernel flow show rep") == ["report"]
    assert completions("flowkernel run nothing -p ") == []


def test_ipython_completes_flows_and_parameters(shell, client, notebook):
    def completions(line):
        with provisionalcompleter():
            texts = [c.text for c in shell.Completer.completions(line, len(line))]
        return [text for text in texts if text.endswith(("=", "report"))]

    assert completions("%flow_run re") == ["report"]
    assert completions("%flow_run report ") == ["day=", "rate="]
    assert completions("%flow_run report day=3 ") == ["rate="]
    assert completions(f"%flow_run {notebook} r") == ["rate="]
    shell.run_line_magic("unload_ext", "flowkernel")
    assert completions("%flow_run report ra") == []


def test_without_an_engine_a_file_is_completed_and_nothing_breaks(notebook):
    completer = TargetCompleter(lambda: None)

    def completions(line):
        return completer(None, SimpleNamespace(text_until_cursor=line))

    assert completions(f"%flow_run {notebook}") == []
    assert completions("%flow_run ") == []
    assert completions("%flow_run report ") == []
    assert completions(f"%flow_run {notebook} ") == ["day=", "rate="]


def test_text_stays_text_for_a_child_that_a_magic_starts(shell, client):
    source = "def handler(system, this, *, code: str): pass"
    client.register(Flow(name="coded", kind=FlowKind.CELL, source=source))
    parent = client.start({"flow": "coded", "inputs": {"code": "x"}, "run": False})
    set_flow_context(client, parent.execution_id)

    child = shell.run_line_magic("flow_run", "coded code=1e3 --no-wait")

    assert child.get("inputs", "parent_id") == ({"code": "1e3"}, parent.execution_id)


def test_python_and_magics_check_a_file_before_an_engine_has_to_start(
    own_home, notebook
):
    for inputs in ({"rat": 2, "day": "2026-01-01"}, {"day": "soon"}):
        with pytest.raises(BadInputs, match="cannot start"):
            flowkernel.run(notebook, inputs=inputs)

    assert not own_home.path.exists()


def test_a_file_is_checked_before_an_engine_has_to_start(own_home, notebook, capsys):
    began = time.perf_counter()
    code = main(["run", notebook, "-p", "day", "2026-01-01", "-p", "rat", "2"])
    seconds = time.perf_counter() - began

    assert code == 2
    assert "it has no parameter 'rat' (did you mean 'rate'?)" in capsys.readouterr().err
    assert seconds < LIMIT
    assert not own_home.path.exists()
