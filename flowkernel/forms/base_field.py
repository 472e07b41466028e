"""What the elements of forms have in common: a property, and the values it takes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from flowkernel.core.errors import BadAnswer, BadForm
from flowkernel.core.models import Json
from flowkernel.forms.schema_limits import check_limits, limit_error, shortened_json

#: The class of each element, in the order in which they were defined.
ELEMENTS: dict[str, type["Field"]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One property of a form. This class takes any text; an element overrides what differs."""

    element: ClassVar[str]  #: The name of the element in a form.
    kind: ClassVar[str] = "text"  #: What to type, in words.
    is_input: ClassVar[bool] = True  #: False: there is nothing to fill in.
    is_button: ClassVar[bool] = False
    is_secret: ClassVar[bool] = False  #: True: never recorded, never in a sentence.
    is_multiline: ClassVar[bool] = False

    name: str
    label: str
    order: float  #: Where it is shown among the others.
    schema: Mapping[str, Json]  #: The property, as the form has it.

    def __init_subclass__(cls, *, element: str | None = None) -> None:
        """`element`: None for a base class of several elements."""
        if element is not None:
            cls.element = element
            ELEMENTS[element] = cls

    @classmethod
    def suits(cls, json_type: str, schema: Mapping[str, Json]) -> bool:
        """Whether a property that does not name its element is this one."""
        return False

    @property
    def default(self) -> Json:
        """The value before anything is filled in; None if there is none."""
        return self.schema.get("default")

    @property
    def initial_value(self) -> Json:
        """The default in the shape that the flow gets; None if it is empty."""
        default = self.default
        return None if is_empty(default) else self.convert(default)

    @property
    def description(self) -> str:
        """What the form says about it, beside its label; may be empty."""
        return str(self.schema.get("description") or "")

    @property
    def parts(self) -> dict[str, Json] | None:
        """Names and defaults, if a terminal asks for each of them; else None."""
        return None

    @property
    def parts_by_name(self) -> dict[str, Json]:
        """Names and defaults, if a widget has a field for each of them; else empty."""
        return {}

    @property
    def confirm(self) -> str:
        """Of a button: a question that is asked before it counts; empty: none."""
        return ""

    @property
    def hint(self) -> str:
        """What a terminal says behind the label; may be empty."""
        return self.expected()

    def expected(self) -> str:
        """What to type, in words."""
        limit = self.schema.get("maxLength")
        return self.kind + (f" of at most {limit} characters" if limit else "")

    def parse(self, text: str) -> Json:
        """The value that a typed text means.

        Raises:
            BadArgument: It begins like JSON and is not valid.
            FileMissing: It is the path of a file that cannot be read.
        """
        return text

    def convert(self, value: Json) -> Json:
        """The value in the shape that the flow gets.

        Raises:
            BadAnswer: It has another shape.
        """
        if not isinstance(value, str):
            text = "hidden" if self.is_secret else shortened_json(value)
            raise BadAnswer(f"{self.label} is {text}; it must be text.")
        return value

    def check(self, value: Json) -> Json:
        """The value as it is recorded: the default if there is none; None if it is empty.

        Raises:
            BadAnswer: It does not fit; says why, and how to write it.
        """
        if value is None:
            value = self.default
        if is_empty(value):
            return None
        value = self.convert(value)
        error_text = limit_error(self.schema, value)
        if error_text is not None and self.is_secret:
            raise BadAnswer(f"{self.label} does not fit the limits of the form.")
        if error_text is not None:
            raise BadAnswer(f"{self.label}{error_text}.")
        return value

    def doubt(self, value: Json) -> str:
        """What is likely wrong with a value that fits, as a sentence; empty: nothing.

        A person is asked about it, before the answer is sent.
        """
        return ""

    def check_schema(self) -> None:
        """Refuse a property that cannot be shown or filled in.

        Raises:
            BadForm: Names the property at fault.
        """
        check_limits(self.name, self.schema)
        if self.default is not None and self.is_input:
            try:
                self.check(self.default)
            except BadAnswer as error:
                raise BadForm(f"The default of a form does not fit: {error}") from error


def is_empty(value: Json) -> bool:
    """Whether a value is null, an empty text or an empty list."""
    return value is None or value == "" or value == []


def is_blank(value: Json) -> bool:
    """Whether a value is empty, or only blanks."""
    return is_empty(value) or (isinstance(value, str) and not value.strip())
