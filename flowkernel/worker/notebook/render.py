"""The notebook of a flow version. Pure: the same version gives the same notebook."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import nbformat

from flowkernel.core.handler_source import handler_call
from flowkernel.core.json_values import check_parameter_names
from flowkernel.core.models import Environment, Execution, FlowKind, FlowVersion, Json
from flowkernel.kernels.fork_server.kernel_app import MAX_QUEUED_MESSAGES
from flowkernel.worker.notebook.decision_banner import changed_inputs_of
from flowkernel.worker.notebook.notebook_file import notebook_of

NATIVE = "python3"


@dataclass(frozen=True, slots=True)
class RenderedNotebook:
    """What papermill gets."""

    notebook: nbformat.NotebookNode
    #: For the parameters cell; empty if the kernel gets the inputs in another way.
    parameters: dict[str, Json]
    kernel_name: str


def render(version: FlowVersion, execution: Execution) -> RenderedNotebook:
    """The notebook that an execution of a version runs.

    Raises:
        BadName: An input of a notebook has a name that no variable can have.
        NotANotebook: The file is none.
    """
    if version.kind is FlowKind.NOTEBOOK:
        check_parameter_names(execution.inputs, version.flow_name)
        notebook = notebook_of(version.source, version.path or version.flow_name)
        parameters = dict(execution.inputs)
    else:
        notebook = _from_source(version)
        parameters = {}
    kernel_name = execution.environment.kernel_name or NATIVE
    notebook.metadata.setdefault(
        "kernelspec",
        {"name": kernel_name, "display_name": kernel_name, "language": "python"},
    )
    notebook.metadata["flowkernel"] = {
        "execution_id": execution.execution_id,
        "flow_name": version.flow_name,
        "flow_version": version.flow_version,
        "inputs": execution.inputs,
        **changed_inputs_of(execution),
    }
    return RenderedNotebook(notebook, parameters, kernel_name)


def _from_source(version: FlowVersion) -> nbformat.NotebookNode:
    cells = []
    if version.setup_source is not None:
        cells.append(_cell("setup", version.setup_source))
    cells.append(_cell("flow", version.source))
    call = handler_call(version.source, version.setup_source)
    if call is not None:
        handler = _cell("handler", call)
        handler.metadata["flowkernel"] = {"calls": "flow"}
        cells.append(handler)
    return nbformat.v4.new_notebook(cells=cells)


def _cell(cell_id: str, source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source, id=cell_id)


def prologue(
    execution: Execution,
    *,
    home: str,
    package: str,
    path: str | None,
    started_by: str,
    declarations: Sequence[str] = (),
) -> str:
    """Python that makes `system`, `this` and `inputs` ready in a kernel.

    It runs silently, and is in no notebook. `package` is flowkernel's folder, for an
    environment in which flowkernel is not installed, or a version with other modules.
    `declarations`: the parameters that were declared besides those of the source.
    """
    values = {
        "home": home,
        "package": package,
        "execution_id": execution.execution_id,
        "inputs": json.dumps(execution.inputs),
        "declared": json.dumps([execution.defaults, [*declarations]]),
        "started_by": started_by,
        "path": path,
    }
    # As one string: IPython would split each line of it into tokens, twice.
    return f"exec({_PROLOGUE.replace('VALUES', repr(values))!r})"


def buffer_source() -> str:
    """Python that enlarges a kernel's output buffers, for a reader that is slow.

    It applies to the connections there are, so it must run when the worker is connected. A
    forked kernel has large buffers from the start.
    """
    return (
        "exec('thread = get_ipython().kernel.iopub_thread\\nimport zmq\\n"
        "thread.schedule(lambda: thread.socket.setsockopt(zmq.SNDHWM, "
        f"{MAX_QUEUED_MESSAGES}))', {{'get_ipython': get_ipython}})"
    )


_PROLOGUE = """
def _flowkernel(values):
    import importlib.util, json, pathlib, sys
    try:
        import flowkernel.flow_api as flow_api
        from flowkernel.client.client import Client
        from flowkernel.flow_api.kernel_shell import prepare_shell
        flow_api.Execution.arguments
    except (ImportError, AttributeError):
        for name in [n for n in sys.modules if n.partition(".")[0] == "flowkernel"]:
            del sys.modules[name]
        folder = pathlib.Path(values["package"])
        spec = importlib.util.spec_from_file_location(
            "flowkernel", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        sys.modules["flowkernel"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["flowkernel"])
        import flowkernel.flow_api as flow_api
        from flowkernel.client.client import Client
        from flowkernel.flow_api.kernel_shell import prepare_shell
    sys.modules["flow_api"] = flow_api
    from flowkernel.home import Home
    if values["path"]:
        sys.argv = [values["path"]]
        sys.path.insert(0, str(pathlib.Path(values["path"]).resolve().parent))
        globals()["__file__"] = values["path"]
    client = Client(Home(pathlib.Path(values["home"])), started_by=values["started_by"])
    inputs, declared = json.loads(values["inputs"]), json.loads(values["declared"])
    ready = flow_api.begin(client, values["execution_id"], inputs, *declared)
    prepare_shell(*ready, path=values["path"])
    return ready
system, this, inputs = _flowkernel(VALUES)
del _flowkernel
"""


def environment_text(environment: Environment) -> str:
    """Where a flow runs, in words for an error."""
    if environment.kernel_name:
        return f"the kernel {environment.kernel_name!r}"
    if environment.interpreter:
        return f"the Python {environment.interpreter!r}"
    return "Python"
