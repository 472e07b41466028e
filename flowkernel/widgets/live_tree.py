"""The tree under a cell: a widget while it runs, plain HTML and text once it has ended.

A widget is nothing without its kernel: what the saved notebook keeps is HTML and text.
"""

from typing import Any

from IPython.display import DisplayHandle, display

from flowkernel.core.clock import new_id
from flowkernel.display.tree import Tree
from flowkernel.widgets.tree_html import tree_html

VIEW = "application/vnd.jupyter.widget-view+json"


class StillTree:
    """Shows only how it ended. For kernels that nobody watches."""

    def show(self, tree: Tree) -> None:
        """Nothing: nobody watches."""

    def pause(self) -> None:
        """Nothing is in the way."""

    def finish(self, tree: Tree) -> None:
        """Display it."""
        display(bundle(tree), raw=True)


class LiveTree:
    """Shows how it goes. First shown in the cell it belongs to; then from any thread."""

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None
        self._widget: Any = (
            None  # None: ipywidgets is not there; the display is updated.
        )

    def show(self, tree: Tree) -> None:
        """Show how it stands now."""
        if self._handle is None:
            self._open(tree)
        elif self._widget is not None:
            self._widget.value = tree_html(tree)
        else:
            self._handle.update(bundle(tree), raw=True)

    def pause(self) -> None:
        """The question appears below it."""

    def finish(self, tree: Tree) -> None:
        """Put in its place what can be saved."""
        if self._handle is None:
            self._open(tree, is_live=False)
            return
        self._handle.update(bundle(tree), raw=True)
        if self._widget is not None:
            self._widget.close()
            self._widget = None

    def _open(self, tree: Tree, *, is_live: bool = True) -> None:
        told = bundle(tree)
        self._widget = _html_widget(told["text/html"]) if is_live else None
        if self._widget is not None:
            told = view_of(self._widget, told["text/plain"])
        self._handle = DisplayHandle(new_id())
        self._handle.display(told, raw=True)


def view_of(widget: Any, text: str) -> dict[str, Any]:
    """What a notebook displays of a widget, and what stands there without it."""
    model = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {VIEW: model, "text/plain": text}


def bundle(tree: Tree) -> dict[str, Any]:
    """What a notebook keeps of a tree."""
    return {"text/html": tree_html(tree), "text/plain": tree.text()}


def _html_widget(value: str) -> Any:
    try:
        import ipywidgets
    except ImportError:  # A kernel of an environment without it.
        return None
    return ipywidgets.HTML(value)
