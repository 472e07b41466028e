"""Kernelspecs of parked kernels, besides those of whatever manager Jupyter Server has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

from flowkernel.kernels.parked.attach import PREFIX, ParkedSpecs, spec_of
from flowkernel.kernels.parked.registry import ParkedKernel, list_parked


class AttachSpecs(ParkedSpecs):
    """Lists a kernelspec for each parked kernel; all else is as its inner manager has it.

    Args:
        inner: The manager that was there.
        home: The folder of the home.
        on_attach: Called when a kernelspec of ours is used.
    """

    def __init__(
        self, inner: KernelSpecManager, home: Path, on_attach: Callable[[], None]
    ) -> None:
        super().__init__(parent=inner.parent, home=str(home))
        self._inner = inner
        self._on_attach = on_attach

    def find_kernel_specs(self) -> dict[str, str]:
        """The folders of the kernelspecs, by name."""
        own = {PREFIX + kernel.execution_id: self._icons for kernel in self._parked()}
        return {**self._inner.find_kernel_specs(), **own}

    def get_all_specs(self) -> dict[str, Any]:
        """All kernelspecs, by name, with their folders."""
        own = {
            PREFIX + kernel.execution_id: {
                "resource_dir": self._icons,
                "spec": spec_of(self.folder, kernel).to_dict(),
            }
            for kernel in self._parked()
        }
        return {**self._inner.get_all_specs(), **own}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernelspec of this name: `flowkernel-attach-` and the id of an execution."""
        if not kernel_name.startswith(PREFIX):
            return self._inner.get_kernel_spec(kernel_name)
        spec = super().get_kernel_spec(kernel_name)
        self._on_attach()
        return spec

    def install_kernel_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Install a kernelspec."""
        return self._inner.install_kernel_spec(*args, **kwargs)

    def remove_kernel_spec(self, name: str) -> Any:
        """Remove a kernelspec."""
        return self._inner.remove_kernel_spec(name)

    def _parked(self) -> list[ParkedKernel]:
        return list_parked(self.folder)

    @property
    def _icons(self) -> str:
        """A folder without icons, as a kernelspec has to have one."""
        return str(self.folder / "parked")
