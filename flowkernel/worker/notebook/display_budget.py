"""How much of what cells display their output notebook keeps. Pure.

What a notebook keeps is in the memory of the worker, and is written again with each save.
"""

import json
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

Bundle = Mapping[str, Any]  #: The representations of one display, by MIME type.

CELL_DISPLAYS = 2_000  #: Displays of one cell that are kept, inclusive.
RUN_DISPLAYS = 20_000  #: The same of all cells together.
RUN_CELLS = 4  #: All cells together keep the characters of so many.
#: What errors may have beyond these limits: they say why a cell failed.
ERROR_DISPLAYS, ERROR_CHARACTERS = 10, 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DisplayLimits:
    """How many displays, and characters of them, a notebook keeps. As text: a sentence."""

    cell_characters: int
    cell_displays: int = CELL_DISPLAYS
    run_displays: int = RUN_DISPLAYS

    @property
    def run_characters(self) -> int:
        """Characters of all cells together, inclusive."""
        return RUN_CELLS * self.cell_characters

    def __str__(self) -> str:
        return (
            f"A cell keeps {self.cell_displays:,} displays and {self.cell_characters:,} "
            f"characters of them, a run {self.run_displays:,} and "
            f"{self.run_characters:,}."
        )


@dataclass
class DisplayBudget:
    """What the displays of one notebook use, by place: a cell, or an output widget."""

    limits: DisplayLimits
    _characters: Counter[Hashable] = field(default_factory=Counter)
    _displays: Counter[Hashable] = field(default_factory=Counter)
    _run_characters: int = 0
    _run_displays: int = 0

    def add(
        self,
        place: Hashable,
        bundle: Bundle,
        *,
        metadata: Any = None,
        is_error: bool = False,
    ) -> Bundle | None:
        """What is kept of a display that is added; None: nothing of it.

        `metadata`: kept whole with it.
        """
        extra = size_of(metadata)
        parts = self._fitting(place, bundle, extra, displays=1, is_error=is_error)
        if parts is not None:
            self._use(place, displays=1, characters=size_of(parts) + extra)
        return parts

    def replace(
        self, place: Hashable, former_size: int, bundle: Bundle, *, metadata: Any = None
    ) -> Bundle | None:
        """What is kept of a display in place of a former one; None: that stays.

        `former_size`: characters of the former one, its metadata included.
        """
        extra = size_of(metadata)
        self._use(place, characters=-former_size)
        parts = self._fitting(place, bundle, extra)
        size = former_size if parts is None else size_of(parts) + extra
        self._use(place, characters=size)
        return parts

    def clear(self, place: Hashable) -> None:
        """Note that the displays of a place are gone."""
        displays, characters = self._displays[place], self._characters[place]
        self._use(place, displays=-displays, characters=-characters)

    def _fitting(
        self,
        place: Hashable,
        bundle: Bundle,
        extra: int,
        *,
        displays: int = 0,
        is_error: bool = False,
    ) -> Bundle | None:
        """The representations for which there is room, the small ones first."""
        limits = self.limits
        free_displays = min(
            limits.cell_displays - self._displays[place],
            limits.run_displays - self._run_displays,
        )
        free = min(
            limits.cell_characters - self._characters[place],
            limits.run_characters - self._run_characters,
        )
        if is_error:
            free_displays, free = (
                free_displays + ERROR_DISPLAYS,
                free + ERROR_CHARACTERS,
            )
        if free_displays < displays or free < extra:
            return None
        return _smallest(bundle, free - extra)

    def _use(self, place: Hashable, *, displays: int = 0, characters: int = 0) -> None:
        self._displays[place] += displays
        self._characters[place] += characters
        self._run_displays += displays
        self._run_characters += characters


def size_of(value: Any) -> int:
    """Characters of a display, or of a part of one: as text, or as JSON; 0 for None."""
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(len(str(key)) + size_of(part) for key, part in value.items())
    if isinstance(value, list | tuple):
        return sum(map(size_of, value))
    return len(json.dumps(value, default=str))


def _smallest(bundle: Bundle, characters: int) -> Bundle | None:
    """As many representations as fit, in the order of the bundle; None: not one."""
    if size_of(bundle) <= characters:
        return bundle
    names = set()
    for name, part in sorted(bundle.items(), key=lambda item: size_of(item[1])):
        characters -= size_of({name: part})
        if characters < 0:
            break
        names.add(name)
    parts = {name: part for name, part in bundle.items() if name in names}
    return parts or None
