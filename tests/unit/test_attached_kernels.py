"""Kernels of Jupyter that are attached to parked ones, while flows go on and fail again."""

import asyncio
import os
from types import SimpleNamespace

import psutil
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from tornado.web import HTTPError

from flowkernel.kernels.parked.attach import PREFIX
from flowkernel.kernels.parked.registry import (
    ParkedKernel,
    find_parked,
    publish,
    withdraw,
)
from flowkernel.server_extension import attached_kernels
from flowkernel.server_extension.attached_kernels import AttachedKernels

ID = "01a2205a-56ec-7071-999e-be159fcdf789"
PATIENCE = 5.0  #: Seconds until what does not happen fails a test.


class Kernels:
    """The kernels and sessions of a Jupyter Server, as its managers have them."""

    def __init__(self, home):
        self.home = home
        self.names = {}
        self.pids = {}
        self.sessions = {}
        self.kernel_spec_manager = None
        self.ends = asyncio.Event()  #: Set: kernels end at once.
        self.ends.set()
        self.looks = 0

    async def start_kernel(self, *, kernel_name, path):
        self.kernel_spec_manager.get_kernel_spec(kernel_name)
        kernel_id = f"k{len(self.pids)}"
        self.names[kernel_id] = kernel_name
        self.pids[kernel_id] = find_parked(self.home, ID).pid
        self.sessions[f"s{kernel_id}"] = kernel_id
        return kernel_id

    def list_kernels(self):
        self.looks += 1
        return [{"id": id_, "name": name} for id_, name in self.names.items()]

    def get_kernel(self, kernel_id):
        return SimpleNamespace(provisioner=SimpleNamespace(pid=self.pids[kernel_id]))

    async def shutdown_kernel(self, kernel_id):
        if kernel_id not in self.names:
            raise HTTPError(404)
        await self.ends.wait()
        del self.names[kernel_id]

    async def list_sessions(self):
        return [
            {"id": session, "kernel": {"id": kernel_id}}
            for session, kernel_id in self.sessions.items()
        ]

    async def delete_session(self, session_id):
        kernel_id = self.sessions.pop(session_id)
        await self.shutdown_kernel(kernel_id)


def park(home, pid):
    process = psutil.Process(pid)
    me = psutil.Process()
    kernel = ParkedKernel(
        execution_id=ID,
        name="report",
        notebook="/n.ipynb",
        pid=pid,
        process_started_at=process.create_time(),
        worker_pid=me.pid,
        worker_started_at=me.create_time(),
        connection={"key": "k"},
    )
    publish(home, kernel)


def play(home, scene):
    async def whole():
        kernels = Kernels(home)
        app = SimpleNamespace(
            kernel_manager=kernels,
            session_manager=kernels,
            kernel_spec_manager=KernelSpecManager(),
            web_app=SimpleNamespace(settings={}),
        )
        async with asyncio.timeout(PATIENCE):
            await scene(kernels, AttachedKernels(home, app))

    asyncio.run(whole())


async def happens(is_so):
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(0)


async def attach(attached):
    async with attached.turn:
        path = await attached.path_of(ID)
        return await attached.attach(ID, path or "n.ipynb")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(attached_kernels, "LOOK_EVERY", 0.0)


def test_a_kernel_that_starts_while_the_last_look_is_made_is_released(
    monkeypatch, tmp_path
):
    """It is in no list before it has started."""
    monkeypatch.setattr(attached_kernels, "QUIET_LOOKS", 3)
    park(tmp_path, os.getpid())

    async def scene(kernels, attached):
        attached._watch_soon()
        list_kernels = kernels.list_kernels

        def look():
            if kernels.looks == 2:  # The third look of the watch.
                kernels.kernel_spec_manager.get_kernel_spec(PREFIX + ID)
                loop = asyncio.get_running_loop()
                loop.call_soon(kernels.names.__setitem__, "k0", PREFIX + ID)
            return list_kernels()

        kernels.list_kernels = look
        await happens(lambda: kernels.names)
        withdraw(tmp_path, ID)
        await happens(lambda: not kernels.names)

    play(tmp_path, scene)


def test_nobody_gets_a_kernel_that_is_just_being_released(tmp_path):
    """The flow has gone on, and fails again while its kernel is released."""
    park(tmp_path, os.getpid())

    async def scene(kernels, attached):
        first, _name = await attach(attached)
        kernels.ends.clear()
        withdraw(tmp_path, ID)
        release = asyncio.create_task(attached._release_ended())
        await happens(lambda: not kernels.sessions)
        park(tmp_path, os.getpid())
        again = asyncio.create_task(attach(attached))
        for _ in range(10):
            await asyncio.sleep(0)
        kernels.ends.set()
        await release
        second, _name = await again
        assert second != first
        assert second in kernels.names

    play(tmp_path, scene)


def test_nobody_gets_a_kernel_of_an_attempt_that_was_lost(tmp_path):
    """The execution ran again, and its file says another kernel now."""
    park(tmp_path, os.getppid())

    async def scene(kernels, attached):
        first, _name = await attach(attached)
        same, _name = await attach(attached)
        park(tmp_path, os.getpid())
        assert await attached.path_of(ID) is None
        second, _name = await attach(attached)
        assert first == same
        assert list(kernels.names) == [second]

    play(tmp_path, scene)


def test_all_sessions_of_a_kernel_end_with_it(tmp_path):
    """A notebook and a console: the first one that ends takes the kernel with it."""
    park(tmp_path, os.getpid())

    async def scene(kernels, attached):
        kernel_id, _name = await attach(attached)
        kernels.sessions["console"] = kernel_id
        await attached.release(ID)
        assert (kernels.names, kernels.sessions) == ({}, {})

    play(tmp_path, scene)
