"""What tells two runs apart: source, inputs, output, environment, and how they ended. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flowkernel.core.models import Execution, FlowVersion, Json
from flowkernel.core.text import one_line, plain_text
from flowkernel.core.text_diff import diff_lines
from flowkernel.display.outcome_text import intervention_text
from flowkernel.display.source_text import readable_source

#: Characters that are shown of one value, inclusive; JSON has all of them.
VALUE_LENGTH = 500
NO_VALUE = object()  #: One of the two has none.


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    """One of two runs. Of a wrapper, what it ran counts."""

    execution: Execution
    version: FlowVersion  #: That ran.
    #: What a wrapper ran last, at any depth; None: nothing yet, or it is no wrapper.
    last_run: Execution | None = None

    @property
    def _ran(self) -> Execution:
        return self.last_run or self.execution

    @property
    def inputs(self) -> dict[str, Json]:
        """Its inputs, and the defaults of what it was not given."""
        inputs = (self._ran.wrapped or self._ran).inputs
        defaults = {
            name: default.get("value", default.get("source"))
            for name, default in (self._ran.defaults or {}).items()
        }
        return {**defaults, **inputs}

    @property
    def environment(self) -> dict[str, Json]:
        """Where it ran, and what."""
        ran = self._ran.wrapped or self._ran
        wrappers = [self.execution.flow_name] if self.execution.wrapped else []
        return {
            "flow": ran.flow_name,
            "version": ran.flow_version,
            "wrapper": ", ".join(wrappers) or None,
            **ran.environment.to_json(),
        }

    @property
    def outcome(self) -> dict[str, Json]:
        """How it ended."""
        error = self.execution.error
        return {
            "status": self.execution.status.label,
            "interventions": intervention_text(self.execution) or None,
            "message": self.execution.status_message,
            "error": f"{error.name}: {error.message}" if error else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionDiff:
    """What differs between two runs; what is the same is in none of the fields."""

    source: list[str] = field(default_factory=list)  #: As `diff_lines` gives it.
    setup: list[str] = field(default_factory=list)
    #: By the name of the part, then of the value: `a` and `b`, or the one that there is.
    values: dict[str, dict[str, dict[str, Json]]] = field(default_factory=dict)

    @classmethod
    def of(cls, a: ComparedRun, b: ComparedRun) -> "ExecutionDiff":
        """What differs between two runs."""
        setups = [plain_text(run.version.setup_source or "") for run in (a, b)]
        parts = {
            "inputs": _differing(a.inputs, b.inputs),
            "output": _differing(*(_as_object(r.execution.output) for r in (a, b))),
            "environment": _differing(a.environment, b.environment),
            "outcome": _differing(a.outcome, b.outcome),
        }
        return cls(
            source=diff_lines(_source(a.version), _source(b.version)),
            setup=diff_lines(setups[0], setups[1]),
            values={name: part for name, part in parts.items() if part},
        )

    def to_json(self) -> dict[str, Json]:
        """Everything that differs."""
        return {"source": self.source, "setup": self.setup, **self.values}

    def rows(self) -> Iterator[tuple[str, str, Json, Json]]:
        """Part, name, and both values, for CSV; of sources, the diff as the second."""
        for name in ("source", "setup"):
            if lines := getattr(self, name):
                yield name, "", None, "\n".join(lines)
        for part, values in self.values.items():
            for name, pair in values.items():
                yield part, name, pair.get("a"), pair.get("b")

    def lines(self) -> Iterator[str]:
        """As text, in the manner of `diff -u`; nothing if nothing differs."""
        for name in ("source", "setup"):
            if lines := getattr(self, name):
                yield from ("", f"{name}:", *lines)
        for part, values in self.values.items():
            yield from ("", f"{part}:")
            for name, pair in values.items():
                yield from _value_lines(name, pair)


def _source(version: FlowVersion) -> str:
    return readable_source(version.kind, version.source)


def _as_object(output: Json) -> dict[str, Json]:
    """An output by name; one that is no object has no name."""
    if output is None:
        return {}
    return output if isinstance(output, dict) else {"": output}


def _differing(
    a: Mapping[str, Json], b: Mapping[str, Json]
) -> dict[str, dict[str, Json]]:
    """The values that are not the same in both, by name."""
    pairs: dict[str, dict[str, Json]] = {}
    for name in {**a, **b}:
        both = {"a": a.get(name, NO_VALUE), "b": b.get(name, NO_VALUE)}
        if not _are_same(both["a"], both["b"]):
            pairs[name] = {k: v for k, v in both.items() if v is not NO_VALUE}
    return pairs


def _are_same(a: Json, b: Json) -> bool:
    """Whether two values are the same as JSON: 1 is not true, and not 1.0."""
    if a is NO_VALUE or b is NO_VALUE:
        return a is b
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def _value_lines(name: str, pair: Mapping[str, Json]) -> Iterator[str]:
    for side, sign in (("a", "-"), ("b", "+")):
        if side in pair and pair[side] is not None:
            label = f"{one_line(name, VALUE_LENGTH)}: " if name else ""
            yield f"{sign} {label}{_value_text(pair[side])}"


def _value_text(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, VALUE_LENGTH)
