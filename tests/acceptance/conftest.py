"""Folders with fork servers of their own, kernels that end with a test, and a person."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowkernel.client.client import Client
from flowkernel.home import Home
from tests.acceptance.kernels import Kernel, make_manager, runtime_folder


@pytest.fixture
def person(home: Home) -> Iterator[Client]:
    """A client of a person, of whom the engine has just had a sign."""
    client = Client(home, started_by="ada (notebook)")
    client.channel = "notebook"
    client.get("/flow")
    yield client
    client.close()


@pytest.fixture(scope="module")
def runtime() -> Iterator[Path]:
    """A folder for the fork servers of one file's tests."""
    with runtime_folder() as folder:
        yield folder


@pytest.fixture
def own_runtime() -> Iterator[Path]:
    """A folder without a fork server."""
    with runtime_folder() as folder:
        yield folder


@pytest.fixture
def start_kernel(runtime: Path) -> Iterator[Callable[..., Kernel]]:
    """Start a kernel of a kind, which ends with the test."""
    started: list[Kernel] = []

    def start_kernel(
        kind: str = "fork", *, settings: dict[str, Any] | None = None, **arguments: Any
    ) -> Kernel:
        kernel = Kernel(make_manager(kind, **(settings or {})), **arguments)
        started.append(kernel)
        return kernel

    yield start_kernel
    for kernel in started:
        kernel.close()
