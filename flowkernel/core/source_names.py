"""What the names of a source mean, as far as its imports and classes say. Pure."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flowkernel.core.python_source import parse_source

#: Modules whose types are known without running an import.
MODULES = frozenset(
    {
        *(
            "builtins",
            "collections.abc",
            "datetime",
            "decimal",
            "enum",
            "numpy",
            "pandas",
        ),
        *("pathlib", "pydantic", "typing", "typing_extensions", "uuid"),
    }
)
#: What these names mean where no import says it.
USUAL = {"np": "numpy", "pd": "pandas"}


@dataclass(frozen=True, slots=True)
class SourceNames:
    """The imports and classes of a source."""

    #: By the name in the source, the full name of what was imported.
    imports: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, ast.ClassDef] = field(default_factory=dict)

    def full_name(self, node: ast.expr) -> str | None:
        """The full name of what `date`, `dt.date` or `Mode.FAST` means; None: no such thing."""
        match node:
            case ast.Name(id=name):
                return self.imports.get(name) or USUAL.get(name, name)
            case ast.Attribute(value=base, attr=name):
                prefix = self.full_name(base)
                return None if prefix is None else f"{prefix}.{name}"
            case _:
                return None

    def known_name(self, node: ast.expr) -> str | None:
        """The name of a type that is known by its name alone; None: it is another one.

        >>> names = SourceNames({"dt": "datetime"})
        >>> names.known_name(ast.parse("dt.date", mode="eval").body)
        'date'
        """
        name = self.full_name(node)
        if name is None or name in self.classes:
            return None
        module, _, last = name.rpartition(".")
        return last if not module or module in MODULES else None

    def class_of(self, node: ast.expr | None) -> ast.ClassDef | None:
        """The class of the source that a name means; None: it is none."""
        return self.classes.get(node.id) if isinstance(node, ast.Name) else None

    def bases(self, class_: ast.ClassDef) -> Iterator[str]:
        """The names of all classes that a class is derived from, the nearest first."""
        for base in class_.bases:
            own = self.class_of(base)
            if own is not None and own is not class_:
                yield from self.bases(own)
            elif (name := self.known_name(base)) is not None:
                yield name


def names_in(*sources: str) -> SourceNames:
    """The imports and classes of some sources; one that is no Python has none."""
    imports: dict[str, str] = {}
    classes: dict[str, ast.ClassDef] = {}
    for source in sources:
        for node in statements(source):
            match node:
                case ast.ClassDef():
                    classes[node.name] = node
                case ast.Import():
                    imports.update((a.asname or a.name, a.name) for a in node.names)
                case ast.ImportFrom(module=str(module)):
                    pairs = ((a.asname or a.name, a.name) for a in node.names)
                    imports.update((name, f"{module}.{own}") for name, own in pairs)
    return SourceNames(imports, classes)


def statements(source: str) -> list[ast.stmt]:
    """The statements of a source; magics and shell lines are left out.

    None where it is no Python all the same.
    """
    for text in (source, without_magics(source)):
        try:
            return parse_source(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return []


def without_magics(source: str) -> str:
    """A source with `pass` in place of magics and shell lines; each line keeps its number."""
    lines = source.split("\n")
    return "\n".join(_without_magic(line) for line in lines)


def _without_magic(line: str) -> str:
    bare_line = line.lstrip()
    if bare_line.startswith(("%", "!", "?")) or bare_line.rstrip().endswith("?"):
        return line[: len(line) - len(bare_line)] + "pass"
    name, sign, value = line.partition("=")
    if sign and value.lstrip().startswith(("!", "%")):
        return f"{name}= None"
    return line
