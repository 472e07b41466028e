"""Lists, a page at a time: bounded by a number of rows and by bytes.

A page that is not the last one has the header `Link: <...>; rel="next"`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response

from flowkernel.core.errors import ExecutionNotFound
from flowkernel.core.json_record import JsonRecord
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Execution
from flowkernel.engine.api.responses import in_thread, json_text_response
from flowkernel.store import FamilyMember

#: Characters of a page, about. One row may be larger: then it is a page of its own.
MAX_PAGE = 16 * 1024 * 1024
#: Rows that are read at first; how many more, their size says.
FIRST_ROWS = 50

Row = TypeVar("Row", bound=JsonRecord)
Position = str | int


@dataclass(slots=True)
class Page:
    """Rows as JSON text."""

    #: The parameter of the query that says where a page begins.
    parameter: str = "cursor"
    texts: list[str] = field(default_factory=list)
    size: int = 0
    #: Where the next page begins; None: this is the last one.
    next: Position | None = None

    def add(self, text: str) -> bool:
        """Add a row; False, and nothing is added, if there is no room for it."""
        if self.texts and self.size + len(text) > MAX_PAGE:
            return False
        self.texts.append(text)
        self.size += len(text)
        return True

    def rows_to_read(self, limit: int) -> int:
        """How many rows probably fit."""
        rows = FIRST_ROWS
        if self.texts:
            average = self.size / len(self.texts)
            rows = max(rows, int((MAX_PAGE - self.size) / average / 2))
        return min(rows, limit - len(self.texts))

    def response(self, request: Request) -> Response:
        """The page as a list."""
        response = json_text_response(f"[{','.join(self.texts)}]")
        self.add_link(request, response)
        return response

    def add_link(self, request: Request, response: Response) -> None:
        """Say where the next page is, if there is one."""
        if self.next is not None:
            query = {**request.query_params, self.parameter: self.next}
            path = f"{request.url.path}?{urlencode(query)}"
            response.headers["link"] = f'<{path}>; rel="next"'


async def page_response(
    request: Request,
    read: Callable[[Any, int], Sequence[Row]],
    position_of: Callable[[Row, Position | None], Position],
    *,
    start: Position | None,
    limit: int,
    parameter: str = "cursor",
) -> Response:
    """A page of a list, read in a thread: see `read_page`."""
    page = await in_thread(
        read_page, read, position_of, start=start, limit=limit, parameter=parameter
    )
    return page.response(request)


def read_page(
    read: Callable[[Position | None, int], Sequence[Row]],
    position_of: Callable[[Row, Position | None], Position],
    *,
    start: Position | None,
    limit: int,
    parameter: str = "cursor",
) -> Page:
    """The rows from a position on, as many as one response may have.

    Args:
        read: At most so many rows from a position on.
        position_of: Where the next row is, from a row and its own position.
    """
    page, position = Page(parameter), start
    while len(page.texts) < limit:
        count = page.rows_to_read(limit)
        rows = read(position, count)
        for row in rows:
            if not page.add(dumps(row.to_json())):
                page.next = position
                return page
            position = position_of(row, position)
        if len(rows) < count:
            return page
    page.next = position
    return page


def next_number(_row: JsonRecord, position: Position | None) -> int:
    """The position of a list whose rows are counted."""
    return int(position or 0) + 1


def tree_page(
    top: Execution, members: Sequence[FamilyMember], *, limit: int, cursor: str | None
) -> tuple[Page, list[str]]:
    """A page of a family, and the ids of its members. The first one begins with the top.

    Args:
        cursor: The id of the last member of the page before.

    Raises:
        ExecutionNotFound: It is not one of the family.
    """
    page, ids = Page(), [top.execution_id, *(member.execution_id for member in members)]
    start = 0
    if cursor is not None:
        if cursor not in ids:
            raise ExecutionNotFound(cursor)
        start = ids.index(cursor) + 1
    for number in range(start, len(ids)):
        text = members[number - 1].text if number else dumps(top.to_json())
        if len(page.texts) == limit or not page.add(text):
            page.next = ids[number - 1]
            break
    return page, ids[start : start + len(page.texts)]
