"""The command against a real engine; no kernels."""

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import duckdb
import pytest

from flowkernel.cli import main
from flowkernel.client import engine_launcher
from flowkernel.client.client import Client
from flowkernel.core.errors import ExecutionNotFound, MoveNotAllowed
from flowkernel.core.models import Flow
from flowkernel.core.status import LABELS
from tests.conftest import until

pytestmark = pytest.mark.usefixtures("client")


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command with --json; what it answered."""

    def ask(*words: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main([*words, "--json"]) == code
        output = capsys.readouterr()
        assert output.err == ""
        return json.loads(output.out)

    return ask


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command; what it printed for a person."""

    def say(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        exit_code = main(list(words))
        output = capsys.readouterr()
        assert exit_code == code, output.err
        return output.out if code == 0 else output.err

    return say


def test_a_file_becomes_a_flow_and_goes_again(ask, say, tmp_path):
    (tmp_path / "clean up.py").write_text("x = 1\n")

    output = say("flow", "register", "clean up.py")

    assert "Registered 'clean up'" in output
    assert "`flowkernel run 'clean up'`" in output
    assert "clean up" in say("flow", "list")
    assert say("flow", "show", "clean up").endswith("x = 1\n")
    assert ask("flow", "show", "clean up")["kind"] == "SCRIPT"
    assert "Deleted" in say("flow", "delete", "clean up")
    assert ask("flow", "show", "clean up", code=2)["code"] == "FlowNotFound"


def test_the_nearest_name_is_offered(say, register):
    register("nightly", "x = 1")

    assert "Did you mean 'nightly'?" in say("run", "nightl", code=2)


def test_the_nearest_file_is_offered(say, tmp_path):
    (tmp_path / "nightly.ipynb").write_text("{}")

    assert "Did you mean 'nightly.ipynb'?" in say("run", "nightli.ipynb", code=2)
    assert "Check the spelling and the folder" in say("run", "report.py", code=2)


def test_an_execution_is_known_by_the_end_of_its_id(ask, client, register):
    register("waits", "x = 1")
    record = client.start({"flow": "waits", "inputs": {}, "run": False})

    details = ask("execution", "show", record.execution_id[-8:])

    assert details["execution_id"] == record.execution_id
    assert details["cell_runs"] == []


def test_a_pending_one_can_be_cancelled(ask, say, client, register):
    register("waits", "x = 1")
    record = client.start({"flow": "waits", "inputs": {"n": 1}, "run": False})
    short = record.execution_id[-8:]

    assert "is cancelled" in say("execution", "cancel", short)
    assert ask("execution", "pause", short, code=2)["code"] == "MoveNotAllowed"
    assert "cancelled" in say("execution", "tree", short)
    assert "cancelled" in say("execution", "show", short)
    listed = ask("execution", "list", "--status", "cancelled", "--flow", "waits")
    assert record.execution_id in [item["execution_id"] for item in listed]


def test_an_unknown_execution_is_a_bad_request(ask):
    assert ask("execution", "tree", "ffffffff", code=2)["code"] == "ExecutionNotFound"


def test_inputs_that_are_no_json_are_named(say, register):
    register("waits", "x = 1")

    assert "'x' begins like JSON" in say("run", "waits", "-p", "x", "{1", code=2)


def test_sql_answers_as_table_json_and_csv(ask, say, register):
    register("counted", "x = 1")
    question = "select name, 1.5 as n from flow where name = 'counted'"

    assert say("sql", question).splitlines()[-1].split() == ["counted", "1.5"]
    answer = ask("sql", question)
    assert (answer["columns"], answer["rows"]) == (["name", "n"], [["counted", 1.5]])
    rows = list(csv.reader(io.StringIO(say("sql", question, "--csv"))))
    assert rows == [["name", "n"], ["counted", "1.5"]]


def test_sql_that_writes_is_refused(ask):
    assert ask("sql", "delete from execution", code=2)["code"] == "SqlRefused"


def test_a_backup_is_a_database_and_overwrites_nothing(ask, say, tmp_path):
    backup = ask("backup", "copy.duckdb")

    assert backup["bytes"] > 0
    assert "exists already" in say("backup", "copy.duckdb", code=2)
    assert "no folder" in say("backup", "nowhere/copy.duckdb", code=2)
    with duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True) as copy:
        assert copy.execute("select count(*) >= 0 from execution").fetchone() == (True,)


FORM = {
    "properties": {
        "day": {"element": "string", "label": "Day", "default": "today"},
        "rows": {"element": "number"},
        "region": {"element": "dropdown", "enum": ["north", "south"]},
        "why": {"element": "markdown", "description": "It failed."},
        "retry": {"element": "submit", "label": "Try again"},
        "fail": {"element": "submit", "label": "Give up", "required": []},
    },
    "required": ["rows"],
}


@pytest.fixture
def send(client):
    """Send a message with a form, from an execution that no worker runs; its id."""
    source = {"name": "asker", "kind": "SCRIPT", "source": "1"}
    asker = client.start({"source": source, "run": False}).execution_id

    def send(body):
        request = {"subject": "?", "body": body}
        return client.post(f"/execution/{asker}/message", request)["message_id"]

    yield send
    client.act(asker, "cancel")


@pytest.fixture
def message(send):
    """The id of a message with `FORM`."""
    return send(FORM)


def test_messages_are_listed_until_they_are_answered(ask, say, message):
    assert [m["message_id"] for m in ask("message", "list")] == [message]
    assert message[:18] in say("message", "list")

    answered = ask("message", "answer", message[-8:], "Give up", "-p", "day", "2026")

    assert answered["response"] == {"day": "2026", "fail": True}
    assert answered["answered_from"] == "command line"
    assert ask("message", "list") == []
    assert message in [m["message_id"] for m in ask("message", "list", "--all")]
    assert "Give up" in say("message", "show", message)
    assert "day: 2026" in say("message", "show", message)
    assert "has already answered" in say("message", "answer", message, "retry", code=2)


def test_a_message_says_how_it_is_answered(say, message):
    text = say("message", "show", message)

    for line in (
        '-p day VALUE   Day, text, default "today"',
        "-p rows VALUE   Rows, a number, required",
        '-p region VALUE   Region, one of "north", "south"',
        "It failed.",
        "BUTTON retry   Try again",
        "BUTTON fail   Give up, needs nothing",
        f"flowkernel message answer {message[:18]} BUTTON [-p NAME VALUE]...",
    ):
        assert line in text


def test_a_name_comes_before_a_label_and_a_choice_before_a_number(send, ask):
    properties = {
        "a": {"enum": ["1", "2"]},
        "some": {"element": "multi-select", "items": {"enum": ["S", "M", 3]}},
        "no": {"element": "submit", "label": "yes"},
        "yes": {"element": "submit", "label": "no"},
    }
    message = send({"properties": properties})

    answered = ask(
        "message", "answer", message, "yes", "-p", "a", "1", "-p", "some", "S,3"
    )

    assert answered["response"] == {"a": "1", "some": ["S", 3], "yes": True}


def test_a_file_is_given_by_its_path(send, ask, say, tmp_path):
    body = {"properties": {"doc": {"element": "file"}}, "required": ["doc"]}
    message = send(body)
    (tmp_path / "a.txt").write_text("hello")

    assert "cannot be read" in say(
        "message", "answer", message, "-p", "doc", "no", code=2
    )
    answered = ask("message", "answer", message, "-p", "doc", str(tmp_path / "a.txt"))

    assert answered["response"]["doc"] == {"name": "a.txt", "content": "aGVsbG8="}


def test_a_wrong_answer_says_what_is_wrong(say, message):
    answer = ("message", "answer", message)

    assert "no button 'stop'. The buttons are: retry, fail" in say(
        *answer, "stop", code=2
    )
    assert "Say which button to press" in say(*answer, code=2)
    assert "is a button, not a field" in say(
        *answer, "fail", "-p", "retry", "true", code=2
    )
    assert "filled in: Rows" in say(*answer, "retry", code=2)
    assert '"many"; it must be a number' in say(
        *answer, "retry", "-p", "rows", "many", code=2
    )
    assert "has no 'x'" in say(*answer, "fail", "-p", "x", "1", code=2)


def test_a_field_of_another_button_is_refused(send, ask, say):
    properties = {
        "why": {"element": "string"},
        "day": {"element": "string"},
        "retry": {"element": "submit", "fields": ["day"]},
        "fail": {"element": "submit"},
    }
    answer = ("message", "answer", send({"properties": properties}), "fail")

    error = say(*answer, "-p", "day", "monday", code=2)

    assert "'day' is of no use for 'fail': it belongs to 'retry'" in error
    assert ask(*answer, "-p", "why", "enough")["response"]["why"] == "enough"


def test_the_status_of_the_engine(ask, say, home):
    assert ask("engine", "status")["found"] == "ANSWERS"
    assert "slots in use" in say("engine", "status")
    assert "ran already" in say("engine", "start")
    assert all(finding["level"] == "ok" for finding in ask("doctor"))


def test_names_survive_a_terminal_that_knows_only_ascii(client, register, home):
    flow: Flow = register("Zoë ✔", "x = 1", description="łódź")
    record = client.start({"flow": flow.name, "inputs": {"ü": "✖"}, "run": False})

    for words in (
        ["flow", "list"],
        ["execution", "tree", record.execution_id],
        ["sql", "select '✔'"],
    ):
        process = subprocess.run(
            [sys.executable, "-m", "flowkernel", *words],
            capture_output=True,
            env={"FLOWKERNEL_HOME": str(home.path), "PYTHONIOENCODING": "ascii"},
        )
        assert process.returncode == 0, process.stderr
        assert process.stdout.decode("ascii")


def test_the_reader_of_a_pipe_may_end_first(home):
    """`flowkernel ... | head` is no error."""
    words = "-m flowkernel sql 'select * from range(90000)' --csv"
    command = f"'{sys.executable}' {words} | head -n 1; exit ${{PIPESTATUS[0]}}"
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")

    process = subprocess.run([bash, "-c", command], capture_output=True, text=True)

    assert process.stdout == "range\n"
    assert process.returncode == 141
    assert process.stderr == ""


def test_an_engine_without_work_stops_on_request(own_home, capsys):
    assert main(["engine", "start"]) == 0

    assert main(["engine", "stop", "--json"]) == 0
    assert main(["engine", "status"]) == 0

    assert "No engine is running." in capsys.readouterr().out


@pytest.fixture
def own(own_home):
    """Records executions that are over, in a home for one test alone; the home."""
    client = Client(own_home)
    for _ in range(3):
        source = {"name": "x", "kind": "SCRIPT", "source": "1"}
        execution = client.start({"source": source, "run": False})
        client.act(execution.execution_id, "cancel")
    client.close()
    return own_home


def test_old_runs_are_deleted_and_the_file_gets_smaller(ask, say, own):
    assert "Say what may go" in say("prune", code=2)
    assert "such as 30d" in say("prune", "--older-than", "30", code=2)
    assert ask("prune", "--older-than", "30d")["executions"] == 0
    assert ask("prune", "--keep", "1", "--dry-run")["executions"] == 2
    assert "2 runs would be deleted" in say("prune", "--keep", "1", "--dry-run")
    assert "2 runs were deleted, in 2 families" in say("prune", "--keep", "1")
    assert len(ask("execution", "list")) == 1
    assert ask("compact")["after"] > 0
    assert "The database has" in say("compact")
    assert len(ask("execution", "list")) == 1
    assert ask("prune", "--older-than", "0h")["families"] == 1


def test_the_database_is_made_again_from_the_journal(ask, say, own):
    assert "The engine has the database open" in say("rebuild", code=2)
    executions = ask("execution", "list")
    say("engine", "stop")
    own.database.write_bytes(b"spoilt")

    assert "3 runs. The old one is" in say("rebuild")

    assert ask("execution", "list") == executions
    say("engine", "stop")
    assert ask("rebuild")["executions"] == 3


def test_a_damaged_journal_is_reported_by_the_doctor(ask, say, own):
    say("engine", "stop")
    [path] = own.journal.glob("*.journal")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    [finding] = [f for f in ask("doctor") if f["topic"] == "journal"]

    assert finding["level"] == "warn"
    assert "is damaged from byte" in finding["text"]


def test_the_answer_is_json_also_when_the_engine_is_started_for_it(
    ask, say, monkeypatch
):
    """A notebook of the same process says that it starts; a command does so in its way."""
    monkeypatch.setattr(engine_launcher, "announce_start", partial(print, "Starting"))
    say("engine", "stop")

    assert ask("flow", "list") is not None


def test_the_configuration_deletes_old_families(own, ask, monkeypatch):
    monkeypatch.setenv("FLOWKERNEL_KEEP_COUNT", "1")
    assert main(["engine", "stop"]) == 0

    until(lambda: len(ask("execution", "list")) == 1)


# -- wrappers --------------------------------------------------------------------------------


def test_a_flow_is_wrapped_and_unwrapped(ask, say, register):
    register("plain", "x = 1")
    words = ("--using", "timeout", "--timeout-sec", "5", "--using", "retry")

    output = say("flow", "wrap", "plain", *words)

    assert output.startswith(
        "'plain' now runs through timeout (timeout_sec=5), retry (max_t"
    )
    assert ask("flow", "show", "plain")["wrappers"][0] == {
        "name": "timeout",
        "inputs": {"timeout_sec": 5},
    }
    assert ask("flow", "wrap", "plain")["wrappers"] == []
    assert "wrapped by" not in say("flow", "show", "plain")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["plain", "--using", "retri"], "Did you mean 'retry'?"),
        (["plain", "--using", "retry", "--tries", "1"], "has no parameter 'tries'"),
        (["plain", "--using", "retry", "--max-tries", "x"], "it takes a number"),
        (["plain", "--using", "plain"], "is a flow, not a wrapper"),
        (["mine", "--using", "retry"], "'mine' is a wrapper itself"),
        (["plian"], "Did you mean 'plain'?"),
        (["plain", *["--using", "retry"] * 11], "10"),
    ],
)
def test_a_wrong_wrapper_leaves_the_flow_as_it_is(ask, say, register, words, sentence):
    register("plain", "x = 1")
    register("mine", "x = 1", is_wrapper=True)

    assert sentence in say("flow", "wrap", *words, code=2)

    assert ask("flow", "show", "plain")["wrappers"] == []


def test_what_is_wrapped_starts_with_its_wrapper(client, register):
    register("inner", "x = 1", wrappers=[{"name": "retry", "inputs": {}}])

    record = client.start({"flow": "inner", "inputs": {"n": 1}, "run": False})

    assert (record.type, record.flow_name, record.name) == (
        "WRAPPER",
        "retry",
        "inner (retry)",
    )
    assert record.wrapped.inputs == {"n": 1}


def test_registering_again_takes_the_wrappers_off(client, register):
    register("again", "x = 1", wrappers=[{"name": "retry", "inputs": {}}])

    register("again", "x = 2")

    assert client.get_flow("again").wrappers == []


def test_a_wrapper_does_not_run_by_itself(say, register):
    register("mine", "x = 1", is_wrapper=True)

    assert "this.using('mine').flow(NAME)" in say("run", "mine", code=2)


# -- deleting --------------------------------------------------------------------------------


def test_an_execution_that_ended_can_be_deleted_and_no_other(client, register):
    register("short", "x = 1")
    top = client.start({"flow": "short", "run": False})
    child = client.start({"flow": "short", "run": False, "parent_id": top.execution_id})
    path = f"/execution/{child.execution_id}"
    with pytest.raises(MoveNotAllowed, match="not started and cannot be deleted"):
        client.request("DELETE", path)
    client.act(child.execution_id, "cancel")

    client.request("DELETE", path)

    with pytest.raises(ExecutionNotFound):
        client.get_execution(child.execution_id)
    assert len(client.tree(top.execution_id)["executions"]) == 1
    with pytest.raises(MoveNotAllowed):
        client.request("DELETE", f"/execution/{top.execution_id}")


# -- presence --------------------------------------------------------------------------------


def test_the_person_who_answers_a_message_is_present(client, register):
    register("asks", "x = 1")
    asker = client.start({"flow": "asks", "run": False})
    path = f"/execution/{asker.execution_id}"
    message = client.post(f"{path}/message", {"subject": "Well?"})

    client.answer(message["message_id"], {"ok": True}, answered_from="my page")

    presence = client.get(f"{path}/presence")
    assert presence["is_attended"]
    assert presence["last"]["channel"] == "my page"


# -- lists -------------------------------------------------------------------------------------


@pytest.fixture
def family(client, register):
    """A run that has ended, and one under it that has not."""
    register("above", "x = 1")
    register("below", "x = 1")
    root = client.start({"flow": "above", "inputs": {}, "run": False})
    child = client.start(
        {"flow": "below", "inputs": {}, "run": False, "parent_id": root.execution_id}
    )
    return root, child


def test_a_list_has_roots_and_their_children_if_that_is_said(ask, say, family):
    root, child = (execution.execution_id for execution in family)

    def listed(*options):
        return [item["execution_id"] for item in ask("execution", "list", *options)]

    assert root in listed()
    assert child not in listed()
    assert {root, child} <= {*listed("--all-levels")}
    assert child in listed("--all-levels", "--flow", "below", "--running")
    assert listed("--since", "1 hour")
    assert listed("--since", "2999-01-01") == []
    assert root not in listed("--failed")


def test_a_list_without_a_run_says_why_that_may_be(family, capsys):
    for name, sentences in (
        ("below", "No run matches. --all-levels looks at runs that other runs started"),
        ("abov", "There is no flow named 'abov'. Did you mean 'above'?"),
    ):
        assert main(["execution", "list", "--flow", name]) == 0
        output = capsys.readouterr()
        assert sentences in output.err
        assert output.out == ""


def test_what_a_list_shows_is_taken_by_commands_and_by_sql(ask, say, family):
    root, _child = family
    lines = say("execution", "list").splitlines()
    line = next(line for line in lines if "  above  " in line)  # The newest one.
    shown = line.split()[0]

    sql = f"SELECT name FROM execution WHERE execution_id::VARCHAR LIKE '{shown}%'"

    assert ask("execution", "show", shown)["execution_id"] == root.execution_id
    assert ask("sql", sql)["rows"] == [["above"]]


def test_a_list_as_csv_is_for_a_spreadsheet(say, family):
    rows = list(csv.DictReader(io.StringIO(say("execution", "list", "--csv"))))

    assert family[0].execution_id in [row["execution_id"] for row in rows]
    assert "inputs" not in rows[0]
    assert {row["status"] for row in rows} <= set(LABELS.values())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--since", "lately"], "--since is 'lately'; it takes how long ago"),
        (["--failed", "--running"], "--failed and --running exclude each other"),
    ],
)
def test_options_of_a_list_that_cannot_be_are_refused(say, options, sentence):
    assert sentence in say("execution", "list", *options, code=2)


def test_two_runs_can_be_compared(ask, say, client, register):
    register("compared", "x = 1")
    request = {"flow": "compared", "run": False}
    first = client.start({**request, "inputs": {"day": 1}}).execution_id
    register("compared", "x = 2")
    second = client.start({**request, "inputs": {"day": 2}}).execution_id

    text = say("execution", "diff", first[:18], second)
    record = ask("execution", "diff", first, second)

    assert "-x = 1\n+x = 2\n" in text
    assert "\ninputs:\n- day: 1\n+ day: 2\n" in text
    assert (record["a"], record["b"]) == (first, second)
    assert record["inputs"] == {"day": {"a": 1, "b": 2}}
    rows = csv.reader(io.StringIO(say("execution", "diff", first, second, "--csv")))
    assert ["inputs", "day", "1", "2"] in rows
    assert ask("execution", "diff", first, first)["source"] == []


# -- completion --------------------------------------------------------------------------------


@pytest.fixture
def completions(monkeypatch, capsys):
    """What a shell is offered for a line: each word with its help."""

    def completions(line, shell="zsh"):
        variables = {
            "_FLOWKERNEL_COMPLETE": f"complete_{shell}",
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        assert main([]) == 0
        return capsys.readouterr().out

    return completions


def test_ids_are_completed_with_what_they_are(completions, family, client):
    root, child = family
    shown, below = root.execution_id[:18], child.execution_id[:18]

    for shell in ("zsh", "fish"):
        output = completions(f"flowkernel execution show {shown[:8]}", shell)
        assert shown in output
        assert below in output
        assert "above, not started" in output
    assert below not in completions("flowkernel execution show ")
    assert shown in completions("flowkernel execution cancel ")
    assert shown not in completions("flowkernel execution retry ")
    assert shown in completions(f"flowkernel execution diff {below} 0")


def test_messages_and_their_buttons_are_completed(completions, message):
    assert message[:18] in completions(f"flowkernel message show {message[:9]}")
    output = completions(f"flowkernel message answer {message} ")
    assert "retry" in output
    assert "Try again" in output


def test_names_and_words_are_completed(completions, register):
    register("nightly", "x = 1")

    assert "nightly" in completions("flowkernel execution list --flow nig")
    assert "interactive" in completions("flowkernel run nightly --using inter")
    assert "succeeded" in completions("flowkernel execution list --status succ")
    assert "--all-levels" in completions("flowkernel execution list --all")


# -- what is said better -----------------------------------------------------------------------


def test_registering_again_says_which_wrappers_are_gone(say, capsys, tmp_path):
    (tmp_path / "wrapped flow.py").write_text("x = 1")
    say("flow", "register", "wrapped flow.py")
    say("flow", "wrap", "wrapped flow", "--using", "retry")
    assert "retry" in say("flow", "list")

    assert main(["flow", "register", "wrapped flow.py"]) == 0

    note = capsys.readouterr().err
    assert "'wrapped flow' ran through retry" in note
    assert "`flowkernel flow wrap 'wrapped flow' --using ...` sets it" in note


def test_a_file_is_registered_with_its_wrappers(say, ask, capsys, tmp_path):
    (tmp_path / "guarded.py").write_text("x = 1")
    options = ("--using", "timeout", "--timeout-sec", "60", "--using", "retry")

    sentence = say("flow", "register", "guarded.py", *options)

    wrappers = ask("flow", "show", "guarded")["wrappers"]
    assert [use["name"] for use in wrappers] == ["timeout", "retry"]
    assert wrappers[0]["inputs"]["timeout_sec"] == 60
    assert "It runs through timeout (timeout_sec=60), retry (" in sentence
    wrong = say("flow", "register", "guarded.py", "--using", "retyr", code=2)
    assert "Did you mean 'retry'?" in wrong


def test_a_file_whose_handler_cannot_be_called_is_refused(say, tmp_path):
    (tmp_path / "wrong.py").write_text("def handler(this): pass")

    for words in (("flow", "register", "wrong.py"), ("run", "wrong.py")):
        assert "`handler` of 'wrong' takes one argument" in say(*words, code=2)


def test_a_wrapper_is_called_so(say, register):
    register("mine too", "x = 1", is_wrapper=True)

    assert "kind:         wrapper" in say("flow", "show", "mine too")
    [line] = [x for x in say("flow", "list").splitlines() if "mine too" in x]
    assert line.split()[2] == "wrapper"


def test_resuming_what_has_ended_points_to_retry(say, family):
    root, _child = family
    say("execution", "cancel", root.execution_id)

    sentence = say("execution", "resume", root.execution_id, code=2)

    command = f"`flowkernel execution retry {root.execution_id[:18]}` starts it again."
    assert sentence.rstrip().endswith(command)


def test_a_tree_can_have_ids(say, family):
    ids = [execution.execution_id[:18] for execution in family]

    lines = say("execution", "tree", ids[0], "--ids").splitlines()

    assert [line.split()[0] for line in lines] == ids
    assert "└─ ◌ below" in lines[1]
