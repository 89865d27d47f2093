"""The panel in a real browser: served by the real service, with the real engine on a real clip."""

import asyncio
import base64
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from playwright.async_api import Browser, Locator, Page, expect

from bridge_server.client import Client
from bridge_server.protocol import messages as m
from tests.end_to_end.command import BOX, BOX_EDITED, BOX_MASK, done
from tests.end_to_end.page_service import Service, beside, built_panel, well_behaved

pytestmark = pytest.mark.asyncio(loop_scope="module")

GO = "Propagate to video"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("service"), built_panel(tmp_path_factory.mktemp("built")))
    service.start()
    yield service
    service.end(signal.SIGINT)


@pytest_asyncio.fixture(loop_scope="module")
async def client(service: Service) -> AsyncIterator[Client]:
    async with beside(service.places) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 900, "height": 900}, locale="en-GB", accept_downloads=True)
    async with well_behaved(context, patience=60) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def paired(page: Page, service: Service, client: Client) -> Page:
    """The page as `videoshop open` opens it."""
    await page.goto(f"{service.url}#{await code(client)}")
    await says(page, "Connected.")
    return page


@pytest_asyncio.fixture(loop_scope="module")
async def ready(paired: Page) -> Page:
    """The page with the bundled clip."""
    await choose(paired, BOX)
    return paired


async def code(client: Client) -> str:
    return (await client.open_pairing()).code


async def says(page: Page, text: str) -> None:
    await expect(page.locator(".vs-link")).to_contain_text(text)


async def choose(page: Page, clip: Path) -> None:
    path = page.get_by_label("Path of the clip on this computer")
    await path.fill(str(clip))
    await path.press("Enter")
    await expect(page.get_by_role("img", name=f"Frame 0 of {clip.name}")).to_be_visible()


async def go_to(page: Page, frame: int) -> None:
    number = page.locator(".stage").get_by_label("Frame", exact=True)
    await number.fill(str(frame))
    await number.press("Enter")
    await expect(page.locator(".stage").get_by_role("img", name=re.compile(f"^Frame {frame} of"))).to_be_visible()


DROP = """([target, name, kind, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type: kind }));
  const element = document.querySelector(target);
  for (const type of ["dragenter", "dragover", "drop"]) {
    element.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }
}"""


async def drop(page: Page, file: Path, target: str, *, name: str | None = None, kind: str = "image/png") -> None:
    data = base64.b64encode(file.read_bytes()).decode()
    await page.evaluate(DROP, [target, name or file.name, kind, data])


async def drop_edit(page: Page, *, name: str = "box_edited.png") -> None:
    """The bundled edit of frame 20; named as it was downloaded here, its frame is known."""
    await drop(page, BOX_EDITED, ".stage .box", name=name)
    await expect(page.get_by_text(f"Edited: {name}")).to_be_visible()


KNOWN = "box.frame000020.png"


async def choose_range(page: Page, first: int, last: int) -> None:
    await page.get_by_label("Whole clip").uncheck()
    for name, frame in (("First frame", first), ("Last frame", last)):
        await page.get_by_label(name).fill(str(frame))
        await page.keyboard.press("Tab")


async def press(within: Page | Locator, name: str) -> None:
    await within.get_by_role("button", name=name).first.click()


def rows(page: Page, title: Literal["Queue", "Results"]) -> Locator:
    return page.get_by_role("list", name=title).get_by_role("listitem")


async def newest(client: Client) -> m.Snapshot:
    return max(await client.jobs(), key=lambda job: job.submitted)


async def no_wider_than_the_window(page: Page) -> None:
    widths = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]


async def test_a_clip_is_edited_and_propagated_with_any_editor_beside_the_page(
    ready: Page, service: Service, tmp_path: Path
) -> None:
    assert ready.url == service.url  # the code left the address
    slider = ready.get_by_label("Frame of the clip")
    await slider.focus()
    for _ in range(20):
        await ready.keyboard.press("ArrowRight")
    await expect(ready.locator(".stage").get_by_role("img", name="Frame 20 of box.mp4")).to_be_visible()

    async with ready.expect_download() as download:
        await press(ready, "Download this frame")
    file = await download.value
    assert file.suggested_filename == KNOWN
    done("frame", BOX, "20", "-o", tmp_path / "exact.png")
    exact, downloaded = (cv2.imread(str(one)) for one in (tmp_path / "exact.png", await file.path()))
    assert exact is not None
    assert downloaded is not None
    assert np.array_equal(exact, downloaded)

    await drop_edit(ready)
    await press(ready, GO)
    question = ready.get_by_role("group", name="Is this the frame?")
    await expect(question).to_contain_text(re.compile(r"Frame 20 fits best \(9\d % sure\)"))
    await expect(question).to_contain_text(re.compile(r"\d+ frames, about .+ of memory\."))
    assert await ready.evaluate("document.activeElement.textContent") == "Use frame 20"
    await ready.keyboard.press("Enter")

    running = rows(ready, "Queue").first
    preview = running.get_by_role("img", name=re.compile(r"Frame \d+ of box\.mp4, as it is now"))
    await expect(preview).to_be_visible()
    await expect(running).to_contain_text(re.compile(r"\d+ of \d+"))
    result = rows(ready, "Results").first
    await expect(result).to_contain_text("Brought in: as files, to download below.")
    await expect(result.get_by_role("img", name="A frame of box.mp4, as it became")).to_be_visible()
    await expect(ready.get_by_role("button", name=GO)).to_be_enabled()


async def test_source_and_result_are_compared_and_the_files_downloaded_and_their_folder_shown(
    ready: Page, client: Client
) -> None:
    await drop_edit(ready, name=KNOWN)
    await choose_range(ready, 18, 23)
    await press(ready, GO)
    result = rows(ready, "Results").first
    await expect(result).to_contain_text("Brought in")
    job = await newest(client)
    assert job.result is not None

    await press(result, "Compare")
    slider = ready.get_by_label("Source to the left, result to the right")
    await expect(slider).to_be_focused()
    compare = ready.locator(".vs-compare")
    shown = [compare.get_by_role("img", name=f"Frame 20 of the {what}") for what in ("source", "result")]
    for image in shown:
        await expect(image).to_be_visible()
        assert await image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 640
    source, changed = [await picture(image) for image in shown]
    mask = cv2.imread(str(BOX_MASK), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    painted = mask > 128
    difference = np.abs(source.astype(int) - changed.astype(int)).max(axis=2)
    assert difference[painted].mean() > 20
    assert difference[~painted].mean() < 4
    await ready.keyboard.press("Home")
    await expect(shown[0]).to_be_hidden()
    await ready.keyboard.press("End")
    cut = await compare.locator(".vs-compare-cut").bounding_box()
    box = await compare.locator(".vs-compare-box").bounding_box()
    assert cut is not None
    assert box is not None
    assert abs(cut["width"] - box["width"]) < 1
    await ready.keyboard.press("Escape")
    await expect(compare).to_be_hidden()

    async with ready.expect_download() as download:
        await press(result, "Download flat.mp4")
    assert Path(await (await download.value).path()).read_bytes() == (Path(job.result.folder) / "flat.mp4").read_bytes()
    await press(result, "Reveal")
    await expect(ready.locator(".notice")).to_contain_text(job.result.folder)

    await press(result, "Re-run")
    await expect(rows(ready, "Results")).to_have_count(3)
    assert (await newest(client)).job != job.job


async def picture(image: Locator) -> NDArray[np.uint8]:
    address = await image.get_attribute("src")
    assert address is not None
    jpeg = np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8)
    decoded = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


async def test_a_job_is_cancelled_by_its_button(ready: Page, client: Client) -> None:
    await drop_edit(ready, name=KNOWN)
    await press(ready, GO)
    row = rows(ready, "Queue").first
    await expect(row.get_by_role("progressbar")).to_be_visible()
    await press(row, "Cancel")
    await expect(rows(ready, "Results").first).to_contain_text("Cancelled")
    assert (await newest(client)).state == "cancelled"


async def test_a_mask_that_is_painted_or_dropped_goes_with_the_edit(ready: Page, client: Client) -> None:
    await drop_edit(ready, name=KNOWN)
    await press(ready, "Paint mask")
    box = await ready.locator(".paint").bounding_box()
    assert box is not None
    await ready.locator(".paint").scroll_into_view_if_needed()
    box = await ready.locator(".paint").bounding_box()
    assert box is not None
    await ready.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.3 * box["height"])
    await ready.mouse.down()
    await ready.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.35 * box["height"], steps=4)
    await ready.mouse.up()
    await expect(ready.locator(".vs-scene")).to_contain_text("painted on this page")
    await press(ready, "Clear mask")
    await expect(ready.locator(".vs-scene")).to_contain_text("what differs from the clip")
    await drop(ready, BOX_MASK, ".mask-zone")
    await expect(ready.locator(".vs-scene")).to_contain_text("box_mask.png")
    await expect(ready.get_by_text(f"Edited: {KNOWN}")).to_be_visible()  # it is not taken for an edit
    await choose_range(ready, 19, 21)
    await press(ready, GO)
    await expect(rows(ready, "Results").first).to_contain_text("Brought in")


async def test_a_video_that_only_the_page_has_is_sent_and_propagated(paired: Page) -> None:
    chooser = paired.locator('input[aria-label="Choose a video…"]')
    await chooser.set_input_files(str(BOX))
    await expect(paired.locator(".vs-scene")).to_contain_text("sent by this page")
    await expect(paired.locator(".stage").get_by_role("img", name="Frame 0 of box.mp4")).to_be_visible()
    await drop_edit(paired, name=KNOWN)
    await choose_range(paired, 19, 21)
    await press(paired, GO)
    await expect(rows(paired, "Results").first).to_contain_text("Brought in")


PICK_IN_THE_PAGES_OWN_FOLDER = """() => {
  window.showSaveFilePicker = async ({ suggestedName }) => {
    const folder = await navigator.storage.getDirectory();
    return folder.getFileHandle(suggestedName, { create: true });
  };
}"""

SAVE_AS_AN_EDITOR = """async ([name, base64]) => {
  const folder = await navigator.storage.getDirectory();
  const file = await (await folder.getFileHandle(name)).createWritable();
  await file.write(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
  await file.close();
}"""


async def test_a_frame_that_is_saved_and_watched_comes_back_each_time_an_editor_saves_it(ready: Page) -> None:
    await ready.evaluate(PICK_IN_THE_PAGES_OWN_FOLDER)
    await go_to(ready, 20)
    await press(ready, "Save and watch it")
    await expect(ready.get_by_text(f"Watching {KNOWN}")).to_be_visible()
    await go_to(ready, 5)
    edited = base64.b64encode(BOX_EDITED.read_bytes()).decode()
    await ready.evaluate(SAVE_AS_AN_EDITOR, [KNOWN, edited])
    await expect(ready.get_by_text(f"Edited: {KNOWN}")).to_be_visible()
    await expect(ready.locator(".vs-scene")).to_contain_text("20 – from the document")
    await press(ready, "Stop watching")
    await expect(ready.get_by_text(f"Watching {KNOWN}")).to_be_hidden()


async def test_everything_is_reached_by_tab_and_shows_where_the_focus_is(ready: Page) -> None:
    await press(ready, "More")
    await ready.get_by_label("Path of the clip on this computer").focus()
    reached = []
    for _ in range(60):
        await ready.keyboard.press("Tab")
        focused = ready.locator(":focus")
        if await focused.count() == 0:
            break
        style = "element => getComputedStyle(element).outlineStyle"
        assert await focused.evaluate(style) != "none", await focused.evaluate("element => element.outerHTML")
        reached.append(await focused.evaluate("element => element.ariaLabel ?? element.textContent"))
    for name in ("Open", "Frame of the clip", "Paint mask", "Choose clip…", "More", "Save", GO, "Estimate first"):
        assert name in reached
    assert reached.index("Open") < reached.index("Paint mask") < reached.index("More") < reached.index(GO)


async def test_a_bridge_that_is_killed_in_the_middle_goes_on_and_the_result_comes_back(
    ready: Page, service: Service
) -> None:
    ended = await rows(ready, "Results").count()
    await drop_edit(ready, name=KNOWN)
    await press(ready, GO)
    await expect(rows(ready, "Queue").first).to_contain_text(re.compile(r"Propagating\s*\d+ of \d+"))
    service.end(signal.SIGKILL)
    await says(ready, "Trying again in")
    await expect(ready.get_by_role("button", name=GO)).to_be_disabled()
    await expect(ready.get_by_text("There is no connection to the bridge.")).to_be_visible()
    service.start()
    await says(ready, "Connected.")
    await expect(rows(ready, "Results")).to_have_count(ended + 1)
    await expect(rows(ready, "Results").first).to_contain_text("Brought in")
    await go_to(ready, 30)  # the clip is the bridge's again
    await expect(ready.get_by_role("button", name=GO)).to_be_enabled()


async def test_a_page_that_was_left_meanwhile_brings_its_result_in_when_it_is_back(ready: Page, client: Client) -> None:
    await drop_edit(ready, name=KNOWN)
    await press(ready, GO)
    await expect(rows(ready, "Queue").first).to_be_visible()
    await expect(ready.get_by_role("button", name=GO)).to_be_enabled()  # the page knows that the job is its own
    job = await newest(client)
    await ready.goto("about:blank")
    async with asyncio.timeout(60):
        while (await newest(client)).state != "done":
            await asyncio.sleep(0.1)
    await ready.go_back()
    await says(ready, "Connected.")
    assert (await newest(client)).job == job.job
    await expect(rows(ready, "Results").first).to_contain_text("Brought in")


async def test_what_goes_wrong_is_said_with_its_hint_and_code(paired: Page, tmp_path: Path) -> None:
    path = paired.get_by_label("Path of the clip on this computer")
    await path.fill(str(tmp_path / "gone.mp4"))
    await path.press("Enter")
    scene = paired.locator(".vs-scene")
    await expect(scene).to_contain_text("Code grant.missing")
    await expect(paired.get_by_text("The clip cannot be used.")).to_be_visible()

    text = tmp_path / "text.mp4"
    text.write_text("no video")
    await path.fill(str(text))
    await path.press("Enter")
    await expect(scene).to_contain_text("Code clip.")

    await choose(paired, BOX)
    await press(paired, GO)
    await expect(paired.get_by_role("alert").filter(has_text="browser.no_edit")).to_contain_text(
        "Drop the edited frame"
    )
    await drop(paired, text, ".stage .box", name="x.png")
    await expect(paired.locator(".stage").get_by_role("alert")).to_contain_text("Save it as PNG.")

    small = tmp_path / "small.png"
    cv2.imwrite(str(small), np.zeros((32, 32, 3), np.uint8))
    await drop(paired, small, ".stage .box", name=KNOWN)
    await press(paired, GO)
    await expect(paired.locator(".vs-propagate").get_by_role("alert")).to_contain_text("Code edit.aspect_differs")
    await expect(paired.get_by_role("button", name=GO)).to_be_enabled()


async def test_a_page_without_a_code_or_with_a_wrong_one_says_what_to_do(
    page: Page, service: Service, client: Client
) -> None:
    await page.goto(service.url)
    await says(page, "This panel is not paired with the bridge.")
    field = page.get_by_label("Pairing code")
    await field.fill("AAAAA-AAAAA")
    await field.press("Enter")
    await says(page, "The pairing code is wrong or not valid any more.")
    await field.fill((await code(client)).lower())
    await field.press("Enter")
    await says(page, "Connected.")
    assert await page.evaluate("Object.keys(localStorage).filter((name) => name.includes('token'))") == []
    await page.reload()
    await says(page, "Connected.")


@pytest.mark.parametrize("width", [240, 900])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_it_fits_and_can_be_read(ready: Page, theme: Literal["light", "dark"], width: int) -> None:
    await ready.emulate_media(color_scheme=theme)
    await ready.set_viewport_size({"width": width, "height": 900})
    await press(ready, "More")
    await press(ready, "Connection")
    await no_wider_than_the_window(ready)
    faint = await ready.evaluate(CONTRAST)
    assert faint == []


CONTRAST = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const bad = [];
  for (const element of document.querySelectorAll("p, h1, h2, h3, span, button:enabled, li")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
    if (!own || element.getClientRects().length === 0) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(element.textContent);
  }
  return bad;
}"""
