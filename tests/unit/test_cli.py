"""The command without an engine: help, exit codes, imports, words for the engine."""

import contextlib
import errno
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil
import pytest

import flowkernel
from flowkernel.cli import main
from flowkernel.cli.engine_operations import SENTENCES
from flowkernel.cli.error_report import report_error
from flowkernel.client.engine_launcher import EngineState
from flowkernel.core.errors import all_errors
from flowkernel.home import EngineFile, Home
from tests.conftest import until

PYTHON = sys.executable
PID = 2**22  #: Of no process.
HEAVY = {
    "rich",
    "papermill",
    "duckdb",
    "fastapi",
    "IPython",
    "ipywidgets",
    "pandas",
    "nbformat",
}


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home where no engine was ever started."""
    home = Home(tmp_path / "home")
    monkeypatch.setenv("FLOWKERNEL_HOME", str(home.path))
    return home


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["run", "--help"]])
def test_help_imports_nothing_heavy(words):
    code = (
        "import sys, flowkernel.cli;"
        f"code = flowkernel.cli.main({words!r});"
        "print(sorted({n.partition('.')[0] for n in sys.modules}), file=sys.stderr);"
        "sys.exit(code)"
    )

    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )

    assert process.returncode == 0
    assert not HEAVY & set(json.loads(process.stderr.replace("'", '"')))


def test_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"flowkernel {flowkernel.__version__}\n"


@pytest.mark.parametrize("name", flowkernel.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(flowkernel, name) is not None
    assert name in dir(flowkernel)


@pytest.mark.parametrize(
    "words",
    [
        ["bogus"],
        ["run"],
        ["flow"],
        ["execution", "list", "--limit", "x"],
        ["run", "-p"],
    ],
)
def test_a_wrong_command_line_is_a_bad_request(words, capsys):
    assert main(words) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.strip()


def test_a_wrong_command_line_is_json_for_programs(capsys):
    assert main(["run", "--json"]) == 2

    output = capsys.readouterr()
    assert json.loads(output.out)["code"] == "BadArgument"
    assert output.err == ""


@pytest.mark.parametrize("error", all_errors().values())
def test_every_error_has_an_exit_code(error, capsys):
    raised = error.__new__(error)
    Exception.__init__(raised, "It went wrong.")

    assert report_error(raised, as_json=False) in {1, 2, 3, 4}
    assert capsys.readouterr().err == "It went wrong.\n"


def test_bytes_that_are_no_text_are_a_sentence(empty_home, capsys):
    """As the shell gives them to Python in a locale without UTF-8."""
    Path("script.py").write_text("x = 1")

    assert main(["run", "script.py", "-p", "who", "Zo\udcc3\udcab"]) == 2

    message = capsys.readouterr().err
    assert "not valid Unicode text" in message
    assert len(message) < 200


def test_an_error_that_nobody_foresaw_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        report_error(ZeroDivisionError(), as_json=False)


def test_a_missing_file_starts_no_engine(empty_home, capsys):
    assert main(["run", "missing.ipynb"]) == 2

    assert "There is no file 'missing.ipynb'" in capsys.readouterr().err
    assert not empty_home.path.exists()


READING = [
    *("flow list", "execution list", "message list", "flow list --json"),
    *("flow show x", "execution show 01234567", "execution log 01234567 -f"),
    *("execution tree 01234567", "execution retry 01234567", "message show 01234567"),
    *("message answer 01234567 ok", "flow delete x", "prune --keep 3", "compact"),
    *("backup copy.duckdb", "rebuild", "run report", "run report --help"),
    *(
        "execution cancel 01234567",
        "flow wrap x",
        "engine status",
        "engine stop",
        "doctor",
    ),
]


@pytest.mark.parametrize("words", [*map(str.split, READING), ["sql", "SELECT 1"]])
def test_a_command_that_reads_makes_no_home_and_starts_no_engine(
    words, empty_home, capsys
):
    code = main(words)

    output = capsys.readouterr()
    assert not empty_home.path.exists()
    if words[-1] not in ("status", "stop", "doctor", "--help"):
        assert (
            f"There is no home {str(empty_home.path)!r}: nothing was run" in output.err
        )
        assert code == 2
        assert "No run matches" not in output.err
    if "--json" in words:
        assert json.loads(output.out) == []


def test_the_sentence_names_homes_that_may_be_meant(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("FLOWKERNEL_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    folders = [
        tmp_path / "a" / ".flowkernel",
        tmp_path / "a" / "b" / "c" / ".flowkernel",
    ]
    for folder in folders:
        (folder / "journal").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    monkeypatch.setenv("FLOWKERNEL_HOME", "elsewhere")

    assert main(["execution", "show", "01234567"]) == 2

    message = capsys.readouterr().err
    assert f"There is no home {str(tmp_path / 'a' / 'b' / 'elsewhere')!r}" in message
    assert f"Others are near: {str(folders[0])!r}" in message
    assert repr(str(folders[1])) in message


def test_a_home_that_cannot_be_is_an_engine_out_of_reach(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FLOWKERNEL_HOME", str(tmp_path / "file" / "home"))

    for words in (["flow", "list"], ["engine", "start"], ["engine", "status"]):
        assert main(words) == 4
        assert "FLOWKERNEL_HOME" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["execution", "list"], ["run", "script.py"]])
def test_a_home_that_is_a_file_is_called_one(words, tmp_path, monkeypatch, capsys):
    (tmp_path / "script.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOWKERNEL_HOME", "script.py")

    assert main(words) == 4

    home = str(tmp_path / "script.py")
    assert f"The home {home!r} is a file. Set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("script", "A file is here: 'script.py'. `flowkernel run script.py` runs it."),
        ("scirpt", "A file is here: 'script.py'."),
        ("Tages --help", "`flowkernel run 'Tagesbericht fuer Köln.ipynb'` runs it."),
    ],
)
def test_a_file_that_may_be_meant_is_named(
    words, hint, empty_home, tmp_path, monkeypatch, capsys
):
    for name in ("script.py", "Tagesbericht fuer Köln.ipynb", "script.txt"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)

    main(["run", *words.split()])

    output = capsys.readouterr()
    assert hint in output.err + " ".join(output.out.split())


@pytest.mark.parametrize("words", ["run x.py --name", "flow register x.py --name"])
def test_an_empty_name_is_refused(words, empty_home, capsys):
    assert main([*words.split(), ""]) == 2

    assert "is empty. Choose one." in capsys.readouterr().err


# -- the engine, in words ------------------------------------------------------------------


def an_engine_file(home: Home, *, pid: int, started_at: float) -> None:
    home.path.mkdir(exist_ok=True)
    EngineFile(
        url="http://127.0.0.1:1",
        token="t",
        pid=pid,
        process_started_at=started_at,
        version="0.0.1",
        interpreter=sys.executable,
        home=str(home.path.resolve()),
    ).write(home)


def a_dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("state", EngineState)
def test_every_state_of_the_engine_has_words(state):
    sentence, _advice = SENTENCES[state]

    assert sentence


def test_no_engine_is_no_trouble(empty_home, capsys):
    assert main(["engine", "status"]) == 0

    assert "No engine is running." in capsys.readouterr().out
    assert not empty_home.path.exists()


def test_a_killed_engine_is_no_trouble(empty_home, capsys):
    an_engine_file(empty_home, pid=a_dead_process(), started_at=1.0)

    assert main(["engine", "status"]) == 0
    assert "was killed" in capsys.readouterr().out


def test_a_recycled_process_id_is_reported(empty_home, capsys):
    an_engine_file(empty_home, pid=psutil.Process().pid, started_at=1.0)

    assert main(["engine", "status"]) == 0
    assert "another program" in capsys.readouterr().out


def test_a_silent_engine_is_trouble(empty_home, capsys):
    started_at = psutil.Process().create_time()
    an_engine_file(empty_home, pid=psutil.Process().pid, started_at=started_at)

    assert main(["engine", "status"]) == 4
    assert "does not answer" in capsys.readouterr().out


def test_a_broken_engine_file_is_trouble(empty_home, capsys):
    empty_home.path.mkdir()
    empty_home.engine_file.write_text("{")

    assert main(["engine", "status", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["found"] == "BROKEN"


def test_stopping_no_engine_is_no_trouble(empty_home, capsys):
    assert main(["engine", "stop"]) == 0
    assert capsys.readouterr().out == "No engine is running.\n"


# -- doctor --------------------------------------------------------------------------------


def test_doctor_finds_a_fresh_place_well(empty_home, capsys):
    code = main(["doctor", "--json"])

    findings = json.loads(capsys.readouterr().out)
    assert code == 0, findings
    topics = {finding["topic"] for finding in findings}
    assert {
        "Python",
        "packages",
        "home",
        "disk",
        "engine",
        "database",
        "kernels",
    } <= topics
    assert not empty_home.path.exists()


def test_doctor_says_what_to_do_about_a_broken_engine_file(empty_home, capsys):
    empty_home.path.mkdir()
    empty_home.engine_file.write_text("{")
    empty_home.engine_file.chmod(0o644)

    assert main(["doctor"]) == 1

    output = capsys.readouterr().out
    assert "problem engine: engine.json cannot be read" in output
    assert "flowkernel engine start" in output
    assert "others can read the token" in output


def test_doctor_reads_the_configuration(empty_home, capsys):
    empty_home.path.mkdir()
    (empty_home.path / "config.toml").write_text("slots = 'many'")

    assert main(["doctor"]) == 1
    assert "`slots` takes a whole number" in capsys.readouterr().out


def test_doctor_says_when_the_home_cannot_be_a_folder(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FLOWKERNEL_HOME", str(tmp_path / "file" / "home"))

    assert main(["doctor"]) == 1
    assert "is a file" in capsys.readouterr().out


def test_doctor_says_why_a_home_cannot_be_written_to(monkeypatch, empty_home, capsys):
    def refuse(**_options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)

    assert main(["doctor"]) == 1

    output = capsys.readouterr().out
    assert "cannot be written to by this user. Set FLOWKERNEL_HOME" in output
    assert "disk" not in output
    assert "made when it is needed" not in output


def kernel_starts(capsys):
    """What doctor says of how kernels start: its findings but for their topic."""
    main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)
    return [
        (finding["level"], finding["text"])
        for finding in findings
        if finding["topic"] == "kernels start"
    ]


@pytest.fixture
def runtime(tmp_path_factory, monkeypatch):
    """A folder in which no fork server listens."""
    with tempfile.TemporaryDirectory(prefix="fk-") as folder:
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", folder)
        yield Path(folder)


def test_doctor_says_why_kernels_start_plainly(empty_home, capsys, runtime):
    text = "each as a new process, because of the setting `kernel`."
    empty_home.path.mkdir()
    (empty_home.path / "config.toml").write_text("kernel = 'plain'")

    assert kernel_starts(capsys) == [("ok", text)]


@pytest.mark.skipif(sys.platform != "linux", reason="there are no fork servers")
def test_doctor_starts_no_fork_server_to_ask_it(empty_home, capsys, runtime):
    text = "forked; the fork server starts with the first kernel."

    assert kernel_starts(capsys) == [("ok", text)]
    assert list(runtime.iterdir()) == []


def tell(listener, about):
    """Answer as a fork server does that is asked about itself."""
    end, _ = listener.accept()
    with end, end.makefile("rw") as line:
        assert json.loads(line.readline()) == {"about": True}
        line.write(json.dumps(about) + "\n")


@pytest.mark.skipif(sys.platform != "linux", reason="there are no fork servers")
def test_doctor_says_what_fork_servers_say(empty_home, capsys, runtime):
    about = {"pid": PID, "interpreter": PYTHON, "ready": 2, "taken": 1}
    about |= {"preload": ["numpy"], "refused": {"dask": "importing it starts threads"}}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "flowkernel-0.sock"))
        listener.listen()

        thread = threading.Thread(target=tell, args=[listener, about])
        thread.start()
        findings = kernel_starts(capsys)
        thread.join()

    assert findings == [
        (
            "ok",
            f"forked, by process {PID} of {PYTHON}: 2 ready, 1 in use; preloaded: numpy",
        ),
        ("warn", "dask is not preloaded: importing it starts threads."),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="there are no fork servers")
def test_fork_servers_of_others_are_one_line_of_doctor(empty_home, capsys, runtime):
    child = {**os.environ, "FLOWKERNEL_HOME": "/another/home"}
    of_another = subprocess.Popen(
        [PYTHON, "-c", "input()"], env=child, stdin=subprocess.PIPE
    )
    abouts = [
        {"pid": PID, "interpreter": "/another/python"},
        {"pid": of_another.pid, "interpreter": PYTHON},
    ]
    until(lambda: "python" in psutil.Process(of_another.pid).name())
    with contextlib.ExitStack() as stack:
        for number, about in enumerate(abouts):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(runtime / f"flowkernel-{number}.sock"))
            listener.listen()
            status = {"ready": 2, "taken": 1, "preload": [], "refused": {}, **about}
            thread = threading.Thread(target=tell, args=[listener, status])
            thread.start()
            stack.callback(thread.join)
        findings = kernel_starts(capsys)
    of_another.communicate(b"\n")

    assert findings == [
        ("ok", "forked; the fork server starts with the first kernel."),
        ("ok", "2 fork servers of other homes or Pythons, too."),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="there are no fork servers")
def test_doctor_says_which_fork_server_does_not_answer(empty_home, capsys, runtime):
    path = runtime / "flowkernel-0.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        findings = kernel_starts(capsys)

    assert findings == [("warn", f"{path} does not answer: timed out.")]
    assert kernel_starts(capsys)[0][0] == "ok"  # What a killed one left is nothing.


# -- completion ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["execution show 01", "flow show r", "message answer 01"]
)
def test_completing_makes_no_home_and_starts_no_engine(
    line, empty_home, monkeypatch, capsys
):
    monkeypatch.setenv("_FLOWKERNEL_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", f"flowkernel {line}")

    assert main([]) == 0

    assert not empty_home.path.exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--day", "x"], "An input of the flow is passed with -p: -p day VALUE."),
        (["--max-tries", "5"], "stands behind it: --using WRAPPER --max-tries VALUE."),
        (["day=x"], "An input of the flow is passed with -p: -p day=x."),
        (["x", "y"], "An input of the flow is passed with -p: -p NAME x."),
        (
            ["-p", "day", "--using", "w"],
            "-p day has no value: the option --using follows",
        ),
    ],
)
def test_an_input_that_is_written_in_another_way_is_pointed_to_p(words, hint, capsys):
    assert main(["run", "report", *words]) == 2

    assert hint in capsys.readouterr().err


def test_an_option_that_is_near_another_is_no_input(capsys):
    assert main(["run", "report", "--uisng", "retry"]) == 2

    message = capsys.readouterr().err
    assert "--using" in message
    assert "-p" not in message


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("log", "Did you mean `flowkernel execution log`?"),
        ("lst", "`flowkernel flow list` or `flowkernel execution list`"),
        ("frobnicate", "No such command 'frobnicate'. `flowkernel --help` shows"),
    ],
)
def test_a_command_without_its_group_is_found(word, hint, capsys):
    assert main([word]) == 2

    assert hint in capsys.readouterr().err


def test_other_commands_have_no_inputs(capsys):
    assert main(["flow", "list", "day=x"]) == 2

    assert "-p" not in capsys.readouterr().err


def test_doctor_warns_of_a_variable_that_is_misspelled(empty_home, monkeypatch, capsys):
    monkeypatch.setenv("FLOWKERNEL_SLOT", "3")

    assert main(["doctor"]) == 0

    output = capsys.readouterr().out
    assert "warn    configuration: FLOWKERNEL_SLOT is no setting." in output
    assert "Did you mean FLOWKERNEL_SLOTS?" in output
