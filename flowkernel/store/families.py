"""What belongs together: a root, all under it, and what it has adopted of other families.

The record of an execution stays with the family in which it was started: it is kept, and
pruned, with that. The retry of a root is a family of its own.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from flowkernel.core.status import ExecutionStatus


class FamilyMember(NamedTuple):
    """A member of a family. Making a thousand models would be too slow."""

    execution_id: str
    root_id: str
    parent_id: str | None
    adopted_by: str | None
    text: str = ""  #: The execution as JSON, if the query reads it.


class Ancestor(NamedTuple):
    """What is above an execution, as far as it matters for what is below."""

    execution_id: str
    status: ExecutionStatus


def parents_of(member: FamilyMember) -> set[str | None]:
    """In whose tree it is: of who started it, and of who has it now."""
    return {member.parent_id, member.adopted_by}


def starter_of(member: FamilyMember) -> set[str | None]:
    """With whose record its own is deleted."""
    return {member.parent_id}


def members_under(
    top_id: str,
    members: Iterable[FamilyMember],
    parents: Callable[[FamilyMember], Set[str | None]] = parents_of,
) -> list[FamilyMember]:
    """Those of some members that are under an execution, parents before children."""
    children: defaultdict[str | None, list[FamilyMember]] = defaultdict(list)
    for member in members:
        for parent_id in parents(member):
            children[parent_id].append(member)
    below: dict[str, FamilyMember] = {}
    todo = deque(children[top_id])
    while todo:
        member = todo.popleft()
        if member.execution_id not in below and member.execution_id != top_id:
            below[member.execution_id] = member
            todo += children[member.execution_id]
    return [*below.values()]


class FamilyLink(NamedTuple):
    """A family has adopted an execution of another one."""

    root_id: str  #: Of the family that has it now.
    former_root_id: str  #: Of the family in which it was started.


@dataclass
class FamilyLinks:
    """The links of all families, by the root of the family that adopted something."""

    _former: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, links: Iterable[FamilyLink]) -> None:
        """Add links."""
        for link in links:
            known = self._former.get(link.root_id, frozenset())
            self._former[link.root_id] = known | {link.former_root_id}

    def remove(self, root_ids: Set[str]) -> None:
        """Forget the families with these roots: they were deleted."""
        for root_id in root_ids:
            self._former.pop(root_id, None)

    def roots_of(self, root_id: str, more: Iterable[FamilyLink] = ()) -> frozenset[str]:
        """The root, and those of all families of which it may have something.

        Args:
            more: Links that are decided, and not added yet.
        """
        more = [*more]
        roots, todo = {root_id}, [root_id]
        while todo:
            current = todo.pop()
            new = {link.former_root_id for link in more if link.root_id == current}
            new = (new | self._former.get(current, frozenset())) - roots
            roots |= new
            todo += new
        return frozenset(roots)
