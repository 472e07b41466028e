"""A flow keeps its names whatever it resets; a script runs as Python runs it."""

import asyncio

import pytest
from IPython.core.interactiveshell import InteractiveShell

from flowkernel.flow_api.kernel_shell import keep_names, run_as_script


@pytest.fixture
def shell():
    shell = InteractiveShell()
    shell.history_manager.enabled = False
    yield shell
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.fixture(autouse=True)
def closed_loops(monkeypatch):
    """Close the event loops that scripts leave open: in a kernel they end with it."""
    loops = []
    make = asyncio.new_event_loop

    def new_event_loop():
        loops.append(make())
        return loops[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", new_event_loop)
    yield
    for loop in loops:
        loop.close()


def start(shell, source):
    cell = shell.transform_cell(source)
    return shell.run_cell_async(source, store_history=False, transformed_cell=cell)


def run(shell, source):
    """Run a cell as a kernel does, while an event loop runs; the value of `x` then."""

    async def run_in_loop():
        result = await start(shell, source)
        result.raise_error()
        assert asyncio.get_running_loop() is asyncio.get_event_loop()
        await asyncio.sleep(0)

    asyncio.run(run_in_loop())
    return shell.user_ns["x"]


@pytest.mark.parametrize(
    "reset", ["%reset -f", "%reset -s -f", "%reset_selective -f ."]
)
def test_names_are_there_after_a_reset_also_in_the_same_cell(shell, reset):
    shell.user_ns.update(this="me", other=1)
    keep_names(shell, {"this": "me"})

    assert run(shell, f"{reset}\nx = this, 'other' in globals()") == ("me", False)
    assert run(shell, "x = this") == "me"


def test_names_that_are_kept_are_not_listed(shell):
    shell.user_ns.update(this="me")
    keep_names(shell, {"this": "me"})

    assert "this" not in shell.run_line_magic("who_ls", "")


ASYNC = "import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    return 5\n"


@pytest.mark.parametrize(
    "source",
    [
        "x = asyncio.run(main())",
        "x = asyncio.run(main()) and asyncio.run(main())",
        "x = asyncio.get_event_loop().run_until_complete(main())",
        "x = asyncio.new_event_loop().run_until_complete(main())",
        "with asyncio.Runner() as runner:\n    x = runner.run(main())",
        "x = await main()",
        "x = 5 if not asyncio.events._get_running_loop() else 0",
    ],
)
def test_a_script_starts_event_loops_as_in_python(shell, source):
    run_as_script(shell)

    assert run(shell, ASYNC + source) == 5
    assert run(shell, "x = 6") == 6


def test_a_cell_cannot_start_an_event_loop_as_in_jupyter(shell):
    with pytest.raises(RuntimeError, match="running event loop"):
        run(shell, f"{ASYNC}coroutine = main()\nx = asyncio.run(coroutine)")
    shell.user_ns["coroutine"].close()


def test_an_error_of_a_script_leaves_the_loop_of_the_kernel(shell):
    run_as_script(shell)

    async def fail():
        result = await start(shell, "1 / 0")
        assert isinstance(result.error_in_exec, ZeroDivisionError)
        await asyncio.sleep(0)

    asyncio.run(fail())
