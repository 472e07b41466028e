"""The tree under a cell: a widget while it runs, plain HTML and text once it has ended.

A widget shows nothing without its kernel, so a saved notebook keeps HTML and text instead.
"""

import sys
from typing import Any

from IPython.display import DisplayHandle, display

from flowkernel.core import clock
from flowkernel.core.clock import new_id
from flowkernel.display.tree import Tree
from flowkernel.widgets.tree_html import moment_text, tree_html

WIDGETS = "ipywidgets"
VIEW = "application/vnd.jupyter.widget-view+json"


class StillTree:
    """Shows only how the tree ended. For kernels whose output no person watches."""

    def show(self, tree: Tree) -> None:
        """Show nothing while it runs."""

    def pause(self) -> None:
        """Do nothing: nothing is displayed yet."""

    def finish(self, tree: Tree) -> None:
        """Display the tree."""
        display(bundle(tree), raw=True)


class LiveTree:
    """Shows the tree while it runs.

    The first `show` must be called in the cell it belongs to; later ones in any thread.
    """

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None
        #: None without ipywidgets: then the display is updated.
        self._widget: Any = None

    def show(self, tree: Tree) -> None:
        """Show the tree as it is now."""
        if self._handle is None:
            self._open(tree)
        elif self._widget is not None:
            self._widget.value = tree_html(tree)
        else:
            self._handle.update(bundle(tree), raw=True)

    def pause(self) -> None:
        """Do nothing: a question appears below the tree."""

    def finish(self, tree: Tree) -> None:
        """Replace the widget by what can be saved."""
        if self._handle is None:
            self._open(tree, is_live=False)
            return
        self._handle.update(bundle(tree), raw=True)
        if self._widget is not None:
            from flowkernel.widgets.widget_parts import close_widgets

            close_widgets(self._widget)
            self._widget = None

    def _open(self, tree: Tree, *, is_live: bool = True) -> None:
        content = bundle(tree)
        self._handle = DisplayHandle(new_id())
        is_quick = WIDGETS in sys.modules
        if not (is_live and is_quick):  # A first import takes a quarter of a second.
            self._handle.display(content, raw=True)
        self._widget = _html_widget(content["text/html"]) if is_live else None
        if self._widget is not None:
            show = self._handle.display if is_quick else self._handle.update
            show(view_of(self._widget, content["text/plain"]), raw=True)


def view_of(widget: Any, text: str) -> dict[str, Any]:
    """The MIME bundle of a widget, with `text` for pages that have no widgets."""
    model = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {VIEW: model, "text/plain": text}


def bundle(tree: Tree) -> dict[str, Any]:
    """The MIME bundle of a tree, as a notebook keeps it."""
    lines = [tree.text(), moment_text(tree, clock.now())]
    text = "\n".join(filter(None, lines))
    return {"text/html": tree_html(tree), "text/plain": text}


def _html_widget(value: str) -> Any:
    try:
        import ipywidgets
    except ImportError:  # The environment of this kernel does not have it.
        return None
    return ipywidgets.HTML(value)
