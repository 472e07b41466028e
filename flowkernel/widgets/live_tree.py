"""The tree under a cell: a widget while it runs, plain HTML and text once it has ended.

A widget shows nothing without its kernel, so a saved notebook keeps HTML and text instead.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from IPython.display import DisplayHandle, display

from flowkernel.core import clock
from flowkernel.core.clock import new_id, short_id
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.next_step import NextStep, steps_text
from flowkernel.display.tree import Tree
from flowkernel.widgets.tree_html import moment_text, tree_html

WIDGETS = "ipywidgets"
VIEW = "application/vnd.jupyter.widget-view+json"
#: What is said below a tree that has ended.
EndingSteps = Callable[[Tree], Sequence[NextStep]]


def no_steps(_tree: Tree) -> Sequence[NextStep]:
    """Nothing is said."""
    return ()


class StillTree:
    """Shows only how the tree ended. For kernels whose output no person watches."""

    def __init__(self, find_steps: EndingSteps = no_steps) -> None:
        self._find_steps = find_steps

    def show(self, tree: Tree) -> None:
        """Show nothing while it runs."""

    def pause(self) -> None:
        """Do nothing: nothing is displayed yet."""

    def finish(self, tree: Tree) -> None:
        """Display the tree."""
        display(bundle(tree, self._find_steps(tree)), raw=True)


class LiveTree:
    """Shows the tree while it runs.

    The first `show` must be called in the cell it belongs to; later ones in any thread.
    """

    def __init__(self, find_steps: EndingSteps = no_steps) -> None:
        self._find_steps = find_steps
        self._handle: DisplayHandle | None = None
        #: None without ipywidgets: then the display is updated.
        self._widget: Any = None

    def show(self, tree: Tree) -> None:
        """Show the tree as it is now."""
        if self._handle is None:
            self._open(bundle(tree))
        elif self._widget is not None:
            self._widget.value = tree_html(tree)
        else:
            self._handle.update(bundle(tree), raw=True)

    def pause(self) -> None:
        """Do nothing: a question appears below the tree."""

    def finish(self, tree: Tree) -> None:
        """Replace the widget by what can be saved; a page that was opened again keeps it."""
        steps = self._find_steps(tree)
        content = bundle(tree, steps)
        if self._handle is None:
            self._open(content, is_live=False)
            return
        if self._widget is not None:
            from flowkernel.widgets.widget_parts import keep_widget

            self._widget.value = tree_html(tree, steps=[*steps, *_why_failed(tree)])
            keep_widget(self._widget)
            self._widget = None
        self._handle.update(content, raw=True)

    def _open(self, content: dict[str, Any], *, is_live: bool = True) -> None:
        self._handle = DisplayHandle(new_id())
        is_quick = WIDGETS in sys.modules
        if not (is_live and is_quick):  # A first import takes a quarter of a second.
            self._handle.display(content, raw=True)
        self._widget = _html_widget(content["text/html"]) if is_live else None
        if self._widget is not None:
            show = self._handle.display if is_quick else self._handle.update
            show(view_of(self._widget, content["text/plain"]), raw=True)


def _why_failed(tree: Tree) -> list[NextStep]:
    """What a page lacks that was opened again: there is no error below the tree."""
    if tree.execution.status is not ExecutionStatus.ENDED_ERROR:
        return []
    command = f"%execution {short_id(tree.execution_id)}"
    return [NextStep(sentence="Why it failed", command=command)]


def view_of(widget: Any, text: str) -> dict[str, Any]:
    """The MIME bundle of a widget, with `text` for pages that have no widgets."""
    model = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {VIEW: model, "text/plain": text}


def bundle(tree: Tree, steps: Sequence[NextStep] = ()) -> dict[str, Any]:
    """The MIME bundle of a tree, as a notebook keeps it. `steps`: what is said below it."""
    lines = [tree.text(), moment_text(tree, clock.now()), steps_text(steps)]
    text = "\n".join(filter(None, lines))
    return {"text/html": tree_html(tree, steps=steps), "text/plain": text}


def _html_widget(value: str) -> Any:
    try:
        import ipywidgets
    except ImportError:  # The environment of this kernel does not have it.
        return None
    return ipywidgets.HTML(value)
