"""Flow in, notebook out. Pure: the same version always gives the same notebook."""

import ast
import json
import re
from dataclasses import dataclass
from hashlib import sha256

import nbformat

from flowkernel.core.models import Environment, Execution, FlowKind, FlowVersion, Json
from flowkernel.core.python_source import parse_source
from flowkernel.kernels.fork_server.child import ROOM

HANDLER = "handler"
NATIVE = "python3"
_HANDLER_LINE = re.compile(r"^(async\s+)?def\s+handler\s*\(([^)]*)\)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RenderedNotebook:
    """What papermill gets."""

    notebook: nbformat.NotebookNode
    parameters: dict[
        str, Json
    ]  #: For the parameters cell; empty if the inputs go elsewhere.
    kernel_name: str


def render(version: FlowVersion, execution: Execution) -> RenderedNotebook:
    """The notebook that carries out an execution of a version."""
    if version.kind is FlowKind.NOTEBOOK:
        notebook = _notebook(version.source)
        parameters = dict(execution.inputs)
    else:
        notebook = _cells(version)
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
    }
    return RenderedNotebook(notebook, parameters, kernel_name)


def _notebook(source: str) -> nbformat.NotebookNode:
    """The notebook of a file, in nbformat 4.5, every cell with an id that stays."""
    notebook = nbformat.from_dict(json.loads(source))
    if (
        notebook.nbformat == nbformat.v4.nbformat
    ):  # Older ones are joined as they are upgraded.
        notebook = nbformat.v4.rwbase.rejoin_lines(notebook)
    with_ids = {id(cell) for cell in notebook.get("cells", []) if cell.get("id")}
    kept = [id(cell) in with_ids for cell in notebook.get("cells", [])]
    notebook = nbformat.v4.upgrade(notebook)
    for index, cell in enumerate(notebook.cells):
        if index >= len(kept) or not kept[index]:
            cell["id"] = source_hash(f"{index}:{cell.source}")[:8]
    return notebook


def _cells(version: FlowVersion) -> nbformat.NotebookNode:
    cells = []
    if version.setup_source is not None:
        cells.append(_cell("setup", version.setup_source))
    cells.append(_cell("flow", version.source))
    call = handler_call(version.source)
    if call is not None:
        handler = _cell("handler", call)
        handler.metadata["flowkernel"] = {"calls": "flow"}
        cells.append(handler)
    return nbformat.v4.new_notebook(cells=cells)


def _cell(cell_id: str, source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source, id=cell_id)


def handler_call(source: str) -> str | None:
    """The line that calls the `handler` a source defines; None if it defines none."""
    found = _parsed_handler(source)
    if found is None:
        return None
    is_async, count = found
    names = ("system", "this", "inputs")[: max(2, min(count, 3))]
    return f"{'await ' if is_async else ''}{HANDLER}({', '.join(names)})"


def _parsed_handler(source: str) -> tuple[bool, int] | None:
    try:
        body = parse_source(source).body
    except SyntaxError:  # Magics or shell lines in it: read it as text.
        match = _HANDLER_LINE.search(source)
        if match is None:
            return None
        return bool(match[1]), len(
            [word for word in match[2].split(",") if word.strip()]
        )
    for node in reversed(body):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name == HANDLER
        ):
            count = len(node.args.posonlyargs) + len(node.args.args)
            return isinstance(
                node, ast.AsyncFunctionDef
            ), 3 if node.args.vararg else count
    return None


def source_hash(source: str) -> str:
    """What a cell's source is known by in `cell_run`: SHA-256, as hexadecimal digits."""
    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def prologue(
    execution: Execution, *, home: str, package: str, path: str | None, started_by: str
) -> str:
    """Python that makes `system`, `this` and `inputs` ready in a kernel.

    Run silently: it is in no notebook. `package` is our own folder, for an environment in
    which flowkernel is not installed.
    """
    values = {
        "home": home,
        "package": package,
        "execution_id": execution.execution_id,
        "inputs": json.dumps(execution.inputs),
        "started_by": started_by,
        "path": path,
    }
    # As one text: IPython would split each line of it into tokens, twice.
    return f"exec({_PROLOGUE.replace('VALUES', repr(values))!r})"


def make_room() -> str:
    """Python that lets a kernel keep more for a listener that stands still.

    For one that was started: it is its connections that get the room, so it is to be run once
    its output is heard. A forked one has it from the start.
    """
    return (
        "exec('thread = get_ipython().kernel.iopub_thread\\nimport zmq\\n"
        "thread.schedule(lambda: thread.socket.setsockopt(zmq.SNDHWM, "
        f"{ROOM}))', {{'get_ipython': get_ipython}})"
    )


_PROLOGUE = """
def _flowkernel(values):
    import importlib.util, json, pathlib, sys
    try:
        import flowkernel.flow_api as flow_api
    except ImportError:
        folder = pathlib.Path(values["package"])
        spec = importlib.util.spec_from_file_location(
            "flowkernel", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        sys.modules["flowkernel"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["flowkernel"])
        import flowkernel.flow_api as flow_api
    sys.modules["flow_api"] = flow_api
    from flowkernel.client.client import Client
    from flowkernel.home import Home
    if values["path"]:
        sys.argv = [values["path"]]
        sys.path.insert(0, str(pathlib.Path(values["path"]).parent))
        globals()["__file__"] = values["path"]
    client = Client(Home(pathlib.Path(values["home"])), started_by=values["started_by"])
    return flow_api.begin(client, values["execution_id"], json.loads(values["inputs"]))
system, this, inputs = _flowkernel(VALUES)
del _flowkernel
"""


def kernel_environment(environment: Environment) -> str:
    """The words for where a flow runs, for an error about it."""
    if environment.kernel_name:
        return f"the kernel {environment.kernel_name!r}"
    return (
        f"the Python {environment.interpreter!r}"
        if environment.interpreter
        else "Python"
    )
