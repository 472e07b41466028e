"""A form asked line by line: the questions, and what follows from each typed line. Pure.

A dialogue is a generator: it yields questions, receives the typed lines, and returns the
response. So the same words serve a terminal, and a notebook that has no widgets. Where a person
can edit a text of several lines, it is one question; elsewhere each of its lines is one.
"""

from collections.abc import Callable, Generator, Iterable

from flowkernel.core.models import Json
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.forms.base_field import Field
from flowkernel.forms.field_questions import FieldQuestions, Question, SteppedBack
from flowkernel.forms.form import Form
from flowkernel.forms.refused_fields import refused_fields
from flowkernel.forms.yes_or_no import CHOICES, ODD_ANSWER, yes_or_no

LATER = "later"  #: Leaves a message open.
HELP = frozenset({"?", "help"})  #: Lists the buttons again.


def question_before(button: Field) -> str:
    """What is asked before a button counts; empty: nothing."""
    return button.confirm


#: Receives the lines without their ends. Returns the response; None: later.
Dialogue = Generator[Question, str, dict[str, Json] | None]


class FormDialogue:
    """Asks for the answer to a form, and again for what was refused of it.

    What was typed is kept: a person who steps back, by `SteppedBack`, finds it again.

    >>> properties = {"rows": {"type": "integer"}, "ok": {"element": "submit"}}
    >>> dialogue = FormDialogue(Form.of({"properties": properties})).ask()
    >>> next(dialogue).text
    'Enter: Ok; later: leave it open > '
    >>> dialogue.send("").text
    'Rows (a whole number) > '
    >>> dialogue.send("3")
    Traceback (most recent call last):
    StopIteration: {'ok': True, 'rows': 3}
    """

    def __init__(
        self,
        form: Form,
        *,
        heading: str = "",
        edits_blocks: bool = False,
        confirm: Callable[[Field], str] = question_before,
    ) -> None:
        """Of a form that nobody has answered yet.

        Args:
            heading: What it is about: stands above the choices when they are shown again.
            edits_blocks: A text of several lines is edited as a whole, where it is asked for.
            confirm: What is asked before a button counts, as it is then; empty: nothing.
        """
        self._form = form
        self._heading = (heading,) if heading else ()
        self._confirm = confirm
        self._fields = FieldQuestions(edits_blocks=edits_blocks)

    @property
    def draft(self) -> dict[str, Json]:
        """What was typed, by the name of the field, without secrets."""
        return self._fields.draft

    def ask(self, lines: tuple[str, ...] = ()) -> Dialogue:
        """Ask which button is pressed, then for what belongs to it.

        Raises:
            SteppedBack: The person steps back from the choices, too.
        """
        while True:
            button = yield from self._ask_button(lines)
            if button is None:
                return None
            try:
                return (yield from self._fill({button.name: True}, self._of(button)))
            except SteppedBack:
                lines = self._heading

    def ask_again(self, response: dict[str, Json], sentence: str) -> Dialogue:
        """Ask for the fields that were refused; what else was typed is kept.

        If the sentence names none of them, or the person steps back, the choices are asked.
        """
        buttons = [button for button in self._form.buttons if response.get(button.name)]
        fields = [field for button in buttons for field in self._of(button)]
        refused = refused_fields(sentence, fields)
        for field in refused:
            self._fields.forget(field)
        if refused:
            try:
                return (yield from self._fill(response, refused))
            except SteppedBack:
                pass
        return (yield from self.ask(self._heading))

    def _of(self, button: Field) -> list[Field]:
        """What is filled in if that button is pressed."""
        needs_nothing = button.schema.get("required") == []
        shared = [] if needs_nothing else [f for f in self._form.shared if f.is_input]
        return [*shared, *self._form.fields_of(button)]

    def _fill(
        self, response: dict[str, Json], fields: Iterable[Field]
    ) -> Generator[Question, str, dict[str, Json]]:
        """The response with the values of these fields."""
        values = {}
        for field in fields:
            values[field.name] = yield from self._fields.ask(field)
        values = {**response, **values}
        return {name: value for name, value in values.items() if value is not None}

    def _ask_button(
        self, lines: tuple[str, ...]
    ) -> Generator[Question, str, Field | None]:
        """Ask which one is pressed, until one is that also counts. None: later."""
        while True:
            button = yield from _choose_button(self._form.buttons, lines)
            question = self._confirm(button) if button is not None else ""
            if not question:
                return button
            try:
                if (yield from _ask_yes_or_no(question)):
                    return button
            except SteppedBack:
                lines = self._heading


def _ask_yes_or_no(question: str) -> Generator[Question, str, bool]:
    lines: tuple[str, ...] = ()
    while True:
        line = yield Question(text=f"{question} {CHOICES} > ", lines_above=lines)
        if (answer := yes_or_no(line)) is not None:
            return answer
        lines = (ODD_ANSWER,)


def _choose_button(
    buttons: list[Field], lines: tuple[str, ...]
) -> Generator[Question, str, Field | None]:
    only = buttons[0] if len(buttons) == 1 else None
    choice = f"Enter: {only.label}" if only else f"1 to {len(buttons)}"
    lines = lines if only else (*lines, *_button_lines(buttons))
    while True:
        text = f"{choice}; {LATER}: leave it open > "
        line = (yield Question(text=text, lines_above=lines)).strip().lower()
        if line == LATER:
            return None
        button = only if only and not line else _find_button(line, buttons)
        if button is not None:
            return button
        if line in HELP:
            lines = (*_button_lines(buttons), f"  {LATER}  Leave it open.")
        else:
            lines = (_no_button(line, buttons) if line else "Nothing was typed.",)


def _find_button(line: str, buttons: list[Field]) -> Field | None:
    """The button with this number, name or label."""
    for number, button in enumerate(buttons, 1):
        if line in (str(number), button.name.lower(), button.label.lower()):
            return button
    return None


def _button_lines(buttons: list[Field]) -> list[str]:
    return [f"  {number}  {_title(b)}" for number, b in enumerate(buttons, 1)]


def _no_button(line: str, buttons: list[Field]) -> str:
    words = [word.lower() for b in buttons for word in (b.name, b.label)]
    advice = suggestion(line, [*words, LATER], otherwise="? lists what there is.")
    return f"There is no {quoted_name(line)}. {advice}".strip()


def _title(button: Field) -> str:
    return ": ".join(filter(None, (button.label, button.description)))
