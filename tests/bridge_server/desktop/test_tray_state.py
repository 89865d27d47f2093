"""What the icon and its menu say, without an icon."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from bridge_server.desktop import dbus_menu
from bridge_server.desktop.icon import FILL, STEPS, draw, steps
from bridge_server.desktop.tray_state import (
    SEPARATOR,
    Action,
    Item,
    Mood,
    State,
    after,
    headline,
    lost,
    menu,
    met,
    mood,
    progress,
    share,
)
from bridge_server.protocol import messages as m

JOB, OTHER = UUID(int=1), UUID(int=2)
READY = State(service="running")
FAULT = m.Fault(code="engine.crashed", message="The engine fell.", hint="Again.")


def job(state: m.Snapshot | str = "running", id: UUID = JOB, **more: Any) -> m.JobState:
    return m.JobState.model_validate({"job": id, "seq": 1, "state": state, "clip": "shot.mov", **more})


def texts(state: State) -> list[str]:
    return [item.text for item in menu(state)]


def offered(state: State) -> set[Action]:
    return {item.act for item in menu(state) if item.act is not None}


def test_an_idle_service_offers_everything() -> None:
    assert texts(READY) == [
        "Ready",
        "",
        "Open Videoshop",
        "Set up plugins and the diffusion method",
        "Pair a plugin",
        "",
        "Pause the queue",
        "Free the graphics memory",
        "",
        "Start at login",
        "Open the logs folder",
        "Look for updates",
        "",
        "Quit",
    ]
    assert mood(READY) == "idle"


def test_a_running_job_is_shown_with_its_progress() -> None:
    state = after(READY, job(stage="propagate", total=60))
    state = after(state, m.JobProgress(job=JOB, seq=2, stage="propagate", done=25, total=60))
    state = after(state, m.QueueState(paused=False, order=(OTHER,)))
    assert texts(state)[:2] == ["Working, 1 waiting", "shot.mov: propagating, 41 %"]
    assert (mood(state), share(state)) == ("working", 25 / 60)
    assert texts(state)[-1] == "Quit; the job goes on next time"


def test_progress_of_another_job_changes_nothing() -> None:
    state = after(READY, job())
    assert after(state, m.JobProgress(job=OTHER, seq=9, stage="write", done=1, total=1)) == state


def test_a_job_that_ended_is_gone_and_its_success_needs_no_words() -> None:
    assert after(after(READY, job()), job("done")) == READY


def test_a_job_that_failed_is_told_until_another_one_starts() -> None:
    failed = after(after(READY, job()), job("failed", error=FAULT))
    assert mood(failed) == "error"
    assert "shot.mov: The engine fell." in texts(failed)
    assert mood(after(failed, job(id=OTHER))) == "working"
    assert mood(after(after(failed, job(id=OTHER)), job("done", OTHER))) == "idle"


def test_a_job_that_failed_and_was_removed_is_forgotten() -> None:
    failed = after(READY, job("failed", error=FAULT))
    assert after(failed, m.JobRemoved(job=JOB)) == READY


def test_what_failed_before_the_icon_came_is_no_news() -> None:
    old = m.Snapshot(job=OTHER, seq=4, state="failed", error=FAULT)
    assert met(State(), (old,)) == READY
    running = met(State(), (old, job()))
    assert running.job is not None
    assert running.job.job == JOB


def test_a_paused_queue_offers_to_go_on() -> None:
    state = after(READY, m.QueueState(paused=True, order=(JOB, OTHER)))
    assert (headline(state), mood(state)) == ("Paused, 2 waiting", "paused")
    assert "resume" in offered(state)
    assert "pause" not in offered(state)
    assert headline(after(state, job())) == "Working, 2 waiting, then paused"


def test_without_a_service_only_what_needs_none_is_offered() -> None:
    gone = lost(replace(after(READY, job()), code="AAAAA-BBBBB"), "gone")
    assert offered(gone) == {"start", "login on", "logs", "check", "quit"}
    assert (texts(gone)[0], mood(gone)) == ("The service does not run", "error")
    starting = lost(gone, "starting")
    assert "start" not in offered(starting)
    assert (headline(starting), mood(starting)) == ("Starting…", "idle")


def test_a_pairing_code_can_be_read_in_the_menu() -> None:
    assert "Code for the panel: 12345-ABCDE" in texts(replace(READY, code="12345-ABCDE"))


def test_a_newer_version_is_offered_instead_of_looked_for() -> None:
    state = replace(READY, newer="0.2.0")
    assert "Install version 0.2.0 and start again" in texts(state)
    assert "check" not in offered(state)


@pytest.mark.parametrize(("chosen", "act"), [(False, "login on"), (True, "login off")])
def test_start_at_login_shows_what_is_chosen_and_does_the_other(chosen: bool, act: Action) -> None:
    (item,) = [item for item in menu(replace(READY, at_login=chosen)) if item.checked is not None]
    assert item == Item("Start at login", act, checked=chosen)


@pytest.mark.parametrize("state", [READY, lost(READY, "gone")])
def test_a_click_on_the_icon_does_one_thing(state: State) -> None:
    assert sum(item.default for item in menu(state)) == 1


def test_a_long_name_does_not_widen_the_menu() -> None:
    assert len(progress(job(clip="a" * 200, stage="write"))) < 60


def test_a_job_that_was_asked_to_stop_says_so() -> None:
    assert progress(job(stopping="cancel", stage="write", total=9)) == "shot.mov: stopping"


# The icon


@pytest.mark.parametrize("mood", FILL)
@pytest.mark.parametrize("size", [16, 22, 64])
def test_each_mood_is_told_by_its_colour_and_its_sign(mood: Mood, size: int) -> None:
    picture = draw(mood, size)
    assert picture.size == (size, size)
    pixels = [picture.getpixel((x, y)) for x in range(size) for y in range(size)]
    assert picture.getpixel((0, 0))[3] < 128  # type: ignore[index]
    assert pixels.count((*FILL[mood], 255)) > size * size / 3
    assert pixels.count((255, 255, 255, 255)) >= 4


def test_progress_grows_in_few_steps() -> None:
    white = [draw("working", 64, k / 8).tobytes().count(b"\xff" * 4) for k in range(9)]
    assert white == sorted(set(white))
    assert [steps(share) for share in (-1.0, 0.0, 0.5, 1.0, 9.0)] == [0, 0, STEPS // 2, STEPS, STEPS]


# The menu as Linux's panels ask for it


def test_the_menu_is_told_line_by_line_with_what_it_can_do() -> None:
    lines = menu(replace(READY, at_login=True))
    id, properties, below = dbus_menu.layout(lines, 0)
    assert (id, properties) == (0, {"children-display": ("s", "submenu")})
    told = [line for _, line in below]
    assert [properties.get("label", ("s", ""))[1] for _, properties, _ in told] == [item.text for item in lines]
    by_label = {properties["label"][1]: properties for _, properties, _ in told if "label" in properties}
    assert by_label["Ready"]["enabled"] == ("b", False)
    assert by_label["Start at login"]["toggle-state"] == ("i", 1)
    assert dbus_menu.properties(SEPARATOR) == {"type": ("s", "separator")}


def test_a_click_on_a_menu_that_has_changed_does_what_its_line_said() -> None:
    before, now = menu(READY), menu(after(READY, job(stage="write")))
    place = next(place for place, item in enumerate(before, 1) if item.act == "pause")
    assert dbus_menu.action(dbus_menu.number(place, before[place - 1])) == "pause"
    assert now[place - 1].act != "pause"
    assert dbus_menu.action(1) is None
    assert len({dbus_menu.number(place, item) for place, item in enumerate(before, 1)}) == len(before)


def test_names_with_underscores_keep_them() -> None:
    assert dbus_menu.properties(Item("my_shot.mov"))["label"] == ("s", "my__shot.mov")


def test_lines_are_told_by_number_too() -> None:
    lines = menu(READY)
    ids = [id for id, _ in dbus_menu.group(lines, [])]
    assert len(ids) == len(lines)
    assert dbus_menu.group(lines, [ids[2], 99999]) == [(ids[2], {"label": ("s", "Open Videoshop")})]
