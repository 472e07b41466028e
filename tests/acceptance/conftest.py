"""Folders with fork servers of their own, and kernels that are gone after a test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.kernels import Kernel, make_manager, runtime_folder


@pytest.fixture(scope="module")
def runtime() -> Iterator[Path]:
    """A folder for the fork servers of one file's tests."""
    with runtime_folder() as folder:
        yield folder


@pytest.fixture
def own_runtime() -> Iterator[Path]:
    """A folder in which there is no fork server yet."""
    with runtime_folder() as folder:
        yield folder


@pytest.fixture
def start_kernel(runtime: Path) -> Iterator[Callable[..., Kernel]]:
    """Start a kernel of a kind; it is gone after the test."""
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
