"""The signature of a flow version: the parameters that it declares. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowkernel.core.models import Json
from flowkernel.core.source_names import SourceNames
from flowkernel.core.text import one_line

MAX_SHOWN = 60  #: Characters of a default in a sentence, inclusive.


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter: what a flow takes under one name."""

    name: str
    #: Its type as it is written, or as its default has it; None: any value.
    type: str | None = None
    #: The type is only that of its default: it is taken less strictly.
    is_inferred: bool = False
    is_required: bool = False
    default: Json = None
    #: The default as it is written, if it has no JSON form: it is known when the flow runs.
    default_source: str | None = None
    #: `default_source` is a word, `today` or `now`, that is worked out when a run starts.
    is_at_start: bool = False
    help: str = ""

    def to_json(self) -> dict[str, Json]:
        """As REST has it."""
        names = ("name", "type", "is_required", "default", "default_source", "help")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_json(cls, record: Mapping[str, Json]) -> "Parameter":
        """The reverse of `to_json`; fields that this version does not know are ignored."""
        names = ("name", "type", "is_required", "default", "default_source", "help")
        return cls(**{name: record[name] for name in names if name in record})

    @property
    def default_text(self) -> str | None:
        """Its default in a few words; None: it has none."""
        if self.is_required:
            return None
        text = (
            repr(self.default) if self.default_source is None else self.default_source
        )
        return one_line(text, MAX_SHOWN)

    @property
    def text(self) -> str:
        """As a flow declares it: `day: date = '2026-01-01'`."""
        text = self.name if self.type is None else f"{self.name}: {self.type}"
        return text if self.is_required else f"{text} = {self.default_text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The parameters of a flow version, in the order in which it declares them."""

    parameters: tuple[Parameter, ...] = ()
    takes_others: bool = False  #: Whether it takes other names, too.
    #: Whether inputs become variables of Python: no word of it can be the name of one.
    makes_variables: bool = False
    is_python: bool = field(default=True, compare=False)
    #: What the names in its types mean.
    names: SourceNames = field(default_factory=SourceNames, compare=False, repr=False)

    def __bool__(self) -> bool:
        """Whether it declares anything."""
        return bool(self.parameters)

    @property
    def by_name(self) -> dict[str, Parameter]:
        """The parameters by their names."""
        return {parameter.name: parameter for parameter in self.parameters}

    def to_json(self) -> dict[str, Json]:
        """As REST has it."""
        return {
            "parameters": [parameter.to_json() for parameter in self.parameters],
            "takes_others": self.takes_others,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Json]) -> "Signature":
        """The reverse of `to_json`, without what the names in its types mean."""
        parameters = tuple(map(Parameter.from_json, record.get("parameters", ())))
        return cls(parameters=parameters, takes_others=bool(record.get("takes_others")))
