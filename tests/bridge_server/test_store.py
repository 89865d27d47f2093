"""The journal: wholly on disk or not at all, and what becomes of one that is damaged."""

import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from bridge_server.errors import JobError, ServiceError
from bridge_server.protocol import limits
from bridge_server.store import VERSION, Journal, Kept
from tests.bridge_server.test_queue import waiting


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    yield journal
    journal.close()


def later(job: Kept, **changes: object) -> Kept:
    """The job after one more event."""
    return replace(job, snapshot=job.snapshot.model_copy(update={"seq": job.snapshot.seq + 1, **changes}))


def ended(journal: Journal, number: int, when: float) -> UUID:
    job = waiting(number)
    journal.add(job)
    journal.put(later(job, state="cancelled", ended=when))
    return job.record.id


def filled(path: Path, jobs: int = 60) -> None:
    """A journal of many pages, closed in good order."""
    journal = Journal(path)
    for number in range(jobs):
        journal.add(waiting(number))
    journal.close()


# What is kept


def test_a_job_is_read_as_it_was_written(journal: Journal, path: Path) -> None:
    job = waiting(1, priority=3, place=7)
    journal.add(job)
    journal.put(replace(later(job, state="running"), falls=2))
    other = Journal(path)
    kept = other.find(job.record.id)
    other.close()
    assert kept == replace(later(job, state="running"), falls=2)
    assert journal.live() == (kept,)
    assert [state.seq for state in journal.states(job.record.id, 0)] == [1, 2]
    assert [state.seq for state in journal.states(job.record.id, 1)] == [2]


def test_the_journal_is_the_owners_alone(journal: Journal, path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0


def test_a_change_that_fails_half_way_leaves_nothing_of_itself(journal: Journal) -> None:
    one, two = waiting(1), waiting(2)
    journal.add(one)
    journal.add(two)
    journal.put(later(one))
    with pytest.raises(JobError) as caught:  # this event is there already: the row was changed before that shows
        journal.put(replace(later(one, priority=9), place=5), (replace(two, place=9),))
    assert caught.value.code == "job.not_kept"
    kept, other = journal.find(one.record.id), journal.find(two.record.id)
    assert kept is not None
    assert other is not None
    assert (kept.snapshot.priority, kept.place, other.place) == (0, 0, 0)
    journal.put(later(later(one)))


def test_the_same_job_is_not_added_twice(journal: Journal) -> None:
    journal.add(waiting(1))
    with pytest.raises(JobError):
        journal.add(waiting(1))
    assert len(journal.live()) == 1


def test_ended_jobs_come_newest_first_page_by_page_also_when_they_ended_at_once(journal: Journal) -> None:
    times = [5.0, 3.0, 3.0, 9.0, 1.0, 3.0]
    jobs = [ended(journal, number, when) for number, when in enumerate(times)]
    expected = [jobs[number] for number in (3, 0, 5, 2, 1, 4)]
    assert [job.record.id for job in journal.ended()] == expected
    pages, before = list[UUID](), None
    while page := journal.ended(before, 2):
        pages += [job.record.id for job in page]
        before = pages[-1]
    assert pages == expected


def test_a_page_after_a_job_that_is_unknown_or_lives_is_the_first(journal: Journal) -> None:
    done = ended(journal, 1, 5.0)
    journal.add(waiting(2))
    for before in (UUID(int=99), UUID(int=2)):
        assert [job.record.id for job in journal.ended(before, 5)] == [done]


def test_a_removed_job_takes_its_events_with_it(journal: Journal) -> None:
    done = ended(journal, 1, 5.0)
    journal.remove(done)
    journal.remove(done)
    assert (journal.find(done), journal.states(done, 0), journal.ids()) == (None, (), frozenset())


def test_a_pause_is_kept(journal: Journal, path: Path) -> None:
    assert not journal.paused
    journal.pause(True)
    other = Journal(path)
    assert other.paused
    other.close()
    journal.pause(False)
    assert not journal.paused


# What a crash leaves

WRITER = """
import sys
from pathlib import Path
from bridge_server.store import Journal
from tests.bridge_server.test_queue import waiting
from tests.bridge_server.test_store import later
journal = Journal(Path(sys.argv[1]))
job = waiting(1)
journal.add(job)
while True:
    job = later(job)
    journal.put(job)
    print(job.snapshot.seq, flush=True)
"""


def test_a_process_that_is_killed_while_it_writes_loses_nothing_that_it_told(path: Path) -> None:
    for told in (3, 17):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for line in writer.stdout:
                if int(line) >= told:
                    break
            writer.send_signal(signal.SIGKILL)
        journal = Journal(path)
        kept = journal.find(UUID(int=1))
        assert kept is not None
        assert kept.snapshot.seq >= told
        assert [state.seq for state in journal.states(UUID(int=1), 0)] == [*range(1, kept.snapshot.seq + 1)]
        journal.remove(UUID(int=1))
        journal.close()


# Damage


@pytest.mark.parametrize("damage", ["random", "half", "a page", "text"])
def test_a_damaged_journal_is_put_aside_and_a_new_one_begun(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    filled(path)
    whole, chance = path.read_bytes(), random.Random(1)
    spoilt = {
        "random": chance.randbytes(len(whole)),
        "half": whole[: len(whole) // 2 + 100],
        "a page": whole[:4096] + chance.randbytes(4096) + whole[8192:],
        "text": b"this is no journal\n" * 50,
    }[damage]
    path.write_bytes(spoilt)
    journal = Journal(path)
    assert journal.live() == ()
    journal.add(waiting(1))
    journal.close()
    (aside,) = path.parent.glob("journal.damaged-*.sqlite")
    assert aside.read_bytes() == spoilt
    assert aside.name in caplog.text


def test_a_job_whose_row_is_damaged_is_passed_over_and_the_others_are_there(
    journal: Journal, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal.add(waiting(1))
    journal.add(waiting(2))
    done = ended(journal, 3, 5.0)
    for number, column in ((1, "snapshot"), (3, "record")):
        journal._base.execute(f"UPDATE job SET {column} = 'x' || {column} WHERE id = ?", (str(UUID(int=number)),))
    assert [job.record.id.int for job in journal.live()] == [2]
    assert (journal.find(UUID(int=1)), journal.find(done), journal.ended()) == (None, None, ())
    assert "passed over" in caplog.text
    assert len(journal.ids()) == 3


def test_a_journal_of_a_newer_bridge_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    newer = sqlite3.connect(path)
    newer.executescript(f"PRAGMA user_version = {VERSION + 1}; CREATE TABLE job (other); INSERT INTO job VALUES (1);")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(ServiceError) as caught:
        Journal(path)
    assert caught.value.code == "service.journal_newer"
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_journal_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "journal.sqlite").mkdir()
    for path in (tmp_path / "file" / "journal.sqlite", tmp_path / "journal.sqlite"):
        with pytest.raises(ServiceError) as caught:
            Journal(path)
        assert caught.value.code == "service.journal_unusable"


def test_a_closed_journal_refuses_and_says_so(path: Path) -> None:
    journal = Journal(path)
    journal.close()
    with pytest.raises(JobError) as caught:
        journal.add(waiting(1))
    assert (caught.value.code, caught.value.retryable) == ("job.not_kept", True)
    with pytest.raises(JobError):
        _ = journal.paused


def test_of_very_many_states_the_newest_are_told_again(journal: Journal) -> None:
    job = waiting(1)
    journal.add(job)
    for _ in range(limits.REPLAYED + 50):
        job = later(job)
        journal.put(job)
    seqs = [state.seq for state in journal.states(job.record.id, 0)]
    assert seqs == [*range(52, limits.REPLAYED + 52)]
