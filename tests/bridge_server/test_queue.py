"""The order of the jobs that wait."""

from pathlib import Path
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_server.protocol import messages as m
from bridge_server.queue import Queue
from bridge_server.records import Record
from bridge_server.store import Kept
from engine.request import KeyframeFiles, Request


def waiting(number: int, priority: int = 0, place: int = 0, *, held: bool = False) -> Kept:
    request = Request(clip=Path("/c"), keyframes=(KeyframeFiles(edited=Path("/e")),), output=Path("/o"))
    id = UUID(int=number)
    record = Record(id=id, hash="", request=request, host="", submitted=0, clip_size=0, clip_time=0)
    return Kept(record, m.Snapshot(job=id, seq=1, state="queued", priority=priority, held=held), place)


def order(queue: Queue) -> list[int]:
    return [job.record.id.int for job in queue]


JOBS = st.lists(st.tuples(st.integers(-10, 10), st.booleans()), min_size=1, max_size=12)


def filled(jobs: list[tuple[int, bool]]) -> Queue:
    """Jobs as they came, each behind the others of its priority."""
    queue = Queue()
    for number, (priority, held) in enumerate(jobs):
        queue.put(waiting(number, priority, queue.behind(priority), held=held))
    return queue


@settings(max_examples=50, deadline=None)
@given(JOBS)
def test_jobs_run_by_priority_and_among_equals_as_they_came(jobs: list[tuple[int, bool]]) -> None:
    queue = filled(jobs)
    assert order(queue) == sorted(range(len(jobs)), key=lambda number: (-jobs[number][0], number))
    first = queue.first()
    free = [number for number in order(queue) if not jobs[number][1]]
    assert (first and first.record.id.int) == (free[0] if free else None)


@settings(max_examples=50, deadline=None)
@given(JOBS, st.data())
def test_a_moved_job_stands_right_before_the_other_and_nobody_else_changes_places(
    jobs: list[tuple[int, bool]], data: st.DataObject
) -> None:
    queue = filled(jobs)
    moved, other = data.draw(st.sampled_from(order(queue))), data.draw(st.sampled_from(order(queue)))
    if moved == other:
        return
    before = [number for number in order(queue) if number != moved]
    found, target = queue.find(UUID(int=moved)), queue.find(UUID(int=other))
    assert found is not None
    assert target is not None
    placed = queue.before(found, target)
    priority = target.snapshot.priority
    queue.put(*(waiting(job.record.id.int, priority, job.place) for job in placed))
    before.insert(before.index(other), moved)
    assert order(queue) == before


def test_a_job_that_is_put_again_stands_where_it_is_put() -> None:
    queue = filled([(0, False), (0, False)])
    queue.put(waiting(0, place=queue.behind(0)))
    assert order(queue) == [1, 0]
    assert len(queue) == 2


def test_a_dropped_job_waits_no_more_and_one_that_is_none_may_be_dropped() -> None:
    queue = filled([(0, False)])
    queue.drop(UUID(int=0))
    queue.drop(UUID(int=0))
    assert (len(queue), queue.first(), queue.find(UUID(int=0))) == (0, None, None)


def test_a_queue_of_held_jobs_has_no_first() -> None:
    assert filled([(0, True), (3, True)]).first() is None
