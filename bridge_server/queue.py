"""The jobs that wait, in the order in which they will run."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from uuid import UUID

from bridge_server.store import Kept


class Queue:
    """Jobs by falling priority, among equals by rising place."""

    def __init__(self) -> None:
        self._jobs: dict[UUID, Kept] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Kept]:
        return iter(sorted(self._jobs.values(), key=_rank))

    def find(self, job: UUID) -> Kept | None:
        return self._jobs.get(job)

    def put(self, *jobs: Kept) -> None:
        """Add jobs, or put them in the place of what was known of them."""
        self._jobs.update((job.record.id, job) for job in jobs)

    def drop(self, job: UUID) -> None:
        self._jobs.pop(job, None)

    def first(self) -> Kept | None:
        """The job that is to run next."""
        return next((job for job in self if not job.snapshot.held), None)

    def behind(self, priority: int) -> int:
        """The place behind the others of a priority."""
        return max((job.place for job in self._with(priority)), default=0) + 1

    def before(self, job: Kept, other: Kept) -> list[Kept]:
        """The jobs of the other's priority in their new places, with `job` right before `other`."""
        line = [each for each in self._with(other.snapshot.priority) if each.record.id != job.record.id]
        index = next(number for number, each in enumerate(line) if each.record.id == other.record.id)
        first = line[0].place  # one that runs keeps its place before these, and comes back to it
        return [replace(each, place=place) for place, each in enumerate([*line[:index], job, *line[index:]], first)]

    def _with(self, priority: int) -> Iterable[Kept]:
        return (job for job in self if job.snapshot.priority == priority)


def _rank(job: Kept) -> tuple[int, int, float, UUID]:
    """A job that comes back may find its place taken: who came first goes first, also after a restart."""
    return -job.snapshot.priority, job.place, job.snapshot.submitted, job.record.id
