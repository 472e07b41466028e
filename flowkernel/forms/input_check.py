"""The inputs of a start against the signature of the version that will run.

The one place where unknown, missing and wrong inputs are refused, however a flow is started.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from keyword import iskeyword
from threading import Lock

from cachetools import LRUCache

from flowkernel.core.clock import now
from flowkernel.core.errors import BadArgument, BadInputs
from flowkernel.core.models import FlowVersion, Json
from flowkernel.core.signature import Parameter, Signature
from flowkernel.core.signature_reader import NO_SIGNATURE, read_signature
from flowkernel.core.suggestions import quoted_name
from flowkernel.forms.input_types import InputType
from flowkernel.forms.schema_limits import shortened_json

MAX_CHECKS = 1_000  #: Versions whose signature is kept in memory, inclusive.
MAX_PROBLEMS = 10  #: In one sentence, inclusive.
MAX_LISTED = 12  #: Parameters that the sentence lists, inclusive.


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedInputs:
    """The inputs of a request, and what is allowed besides what is declared."""

    values: dict[str, Json]
    #: What a person typed, by name, where the JSON of the value is another text.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Names that need not be declared: the run that is run again had them.
    allowed_names: Set[str] = frozenset()
    allow_extra: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedInputs:
    """The inputs as they are recorded, and the defaults of the parameters that got none."""

    values: dict[str, Json]
    #: `{"value": ...}`, or `{"source": ...}` if it is known when the flow runs; None: the flow
    #: declares nothing.
    defaults: dict[str, Json] | None = None

    def with_earlier(self, defaults: dict[str, Json] | None) -> "CheckedInputs":
        """The same with the defaults of an earlier try: `today` stays that day."""
        if not self.defaults or not defaults:
            return self
        names = self.defaults.keys() & defaults.keys()
        earlier = {name: defaults[name] for name in names}
        return replace(self, defaults={**self.defaults, **earlier})


@dataclass(frozen=True, slots=True)
class InputCheck:
    """The signature of one version, ready to check inputs."""

    signature: Signature
    types: Mapping[str, InputType]

    @classmethod
    def of(cls, signature: Signature) -> "InputCheck":
        """The check of a signature."""
        types = {p.name: InputType(p, signature.names) for p in signature.parameters}
        return cls(signature, types)

    def to_json(self) -> dict[str, Json]:
        """The signature as REST has it: each parameter with what a form needs to ask for it."""
        record = self.signature.to_json()
        parameters = [
            parameter.to_json() | self.types[parameter.name].to_json()
            for parameter in self.signature.parameters
        ]
        return {**record, "parameters": parameters}

    def check(self, flow_name: str, inputs: PassedInputs) -> CheckedInputs:
        """The inputs, converted to the types that are declared; and the defaults.

        Raises:
            BadInputs: Says of every input what is wrong.
        """
        unknown_names = self._unknown_names(inputs)
        values = dict(inputs.values)
        problems = list(self._declared(inputs, values))
        problems += [*self._bad_names(inputs), *map(self._unknown, unknown_names)]
        if problems:
            raise BadInputs(flow_name, _first(problems), self._advice(unknown_names))
        defaults = self.defaults(values) if self.signature else None
        return CheckedInputs(values=values, defaults=defaults)

    def defaults(self, values: dict[str, Json]) -> dict[str, Json]:
        """The defaults of the parameters that have no value. See `CheckedInputs`."""
        return {
            parameter.name: _default(parameter)
            for parameter in self.signature.parameters
            if parameter.name not in values
        }

    def _bad_names(self, inputs: PassedInputs) -> Iterator[str]:
        for name in inputs.values if self.signature.makes_variables else ():
            if iskeyword(name):
                yield f"{name!r} is a word of Python and cannot be a variable"

    def _unknown_names(self, inputs: PassedInputs) -> list[str]:
        if not self.signature or self.signature.takes_others or inputs.allow_extra:
            return []
        names = self.types.keys() | inputs.allowed_names
        return [name for name in inputs.values if name not in names]

    def _unknown(self, name: str) -> str:
        nearest = get_close_matches(name, self.types, n=1)
        advice = f" (did you mean {nearest[0]!r}?)" if nearest else ""
        return f"it has no parameter {quoted_name(name)}{advice}"

    def _declared(self, inputs: PassedInputs, values: dict[str, Json]) -> Iterator[str]:
        """Convert the values in place; what is wrong, in the order of the declaration."""
        for parameter in self.signature.parameters:
            name, type_ = parameter.name, self.types[parameter.name]
            if name not in values:
                if parameter.is_required:
                    kind = "" if type_.takes_any else f" ({type_.words})"
                    yield f"{name!r} is missing{kind}"
                continue
            try:
                values[name] = type_.convert(values[name], inputs.texts.get(name))
            except ValueError:
                yield self._wrong(name, inputs)

    def _wrong(self, name: str, inputs: PassedInputs) -> str:
        value = shortened_json(inputs.values[name])
        return f"{name!r} is {value} and must be {self.types[name].words}"

    def _advice(self, unknown_names: list[str]) -> str:
        parameters = self.signature.parameters
        if not parameters:
            return "Choose another name."
        texts = [parameter.text for parameter in parameters[:MAX_LISTED]]
        tail = ", ..." if len(parameters) > MAX_LISTED else ""
        advice = f"It takes {', '.join(texts)}{tail}."
        if unknown_names:
            advice += " --allow-extra (in Python extra=True) passes other names, too."
        return advice


def _first(problems: list[str]) -> list[str]:
    count = len(problems) - MAX_PROBLEMS
    return [*problems[:MAX_PROBLEMS], f"{count} more"] if count > 0 else problems


def _default(parameter: Parameter) -> Json:
    if parameter.is_at_start:
        moment = now().astimezone()
        is_day = parameter.default_source == "today"
        return {"value": (moment.date() if is_day else moment).isoformat()}
    if parameter.default_source is not None:
        return {"source": parameter.default_source}
    return {"value": parameter.default}


class InputChecks:
    """The checks of the versions that were started last."""

    def __init__(self) -> None:
        self._checks: LRUCache[str, InputCheck] = LRUCache(MAX_CHECKS)
        self._lock = Lock()

    def of(self, version: FlowVersion) -> InputCheck:
        """The check of a version: its source is read once."""
        with self._lock:
            check = self._checks.get(version.flow_version)
        if check is None:
            signature = read_signature(
                version.kind,
                version.source,
                setup=version.setup_source,
                declarations=version.parameters or (),
            )
            check = InputCheck.of(signature)
            with self._lock:
                self._checks[version.flow_version] = check
        return check


CHECKS = InputChecks()
NO_CHECK = InputCheck.of(NO_SIGNATURE)  #: Of what declares nothing.


def check_declarations(version: FlowVersion) -> None:
    """Refuse parameters that were declared besides those of the source, and are wrong.

    Raises:
        BadArgument: One is not readable, or its default is not of its type.
    """
    check = CHECKS.of(version)
    for parameter in check.signature.parameters:
        if parameter.is_required or parameter.default_source is not None:
            continue
        type_ = check.types[parameter.name]
        try:
            type_.convert(parameter.default)
        except ValueError as error:
            raise BadArgument(
                f"The default of {parameter.text!r} does not fit: it must be {type_.words}."
            ) from error
