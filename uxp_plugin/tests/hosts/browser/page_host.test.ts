import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HostError } from "../../../src/hosts/host.ts";
import { arrivalOf } from "../../../src/hosts/browser/arrival.ts";
import { frameName, frameOf, isVideo } from "../../../src/hosts/browser/frames.ts";
import { PageHost } from "../../../src/hosts/browser/page_host.ts";
import { alphaOf } from "../../../src/hosts/browser/paint.ts";
import { pngHeader } from "../../../src/hosts/png.ts";
import { WebSettings } from "../../../src/hosts/browser/settings.ts";
import { savePicker, watch } from "../../../src/hosts/browser/watch.ts";
import type { FileHandle } from "../../../src/hosts/browser/watch.ts";
import { speaker } from "../../../src/panel/strings.ts";
import { CONNECTED, FakeBridge, fault, KeptSettings } from "../../panel/fakes.ts";

const EDITED = new Uint8Array(readFileSync("../bridge_server/demo/box_edited.png"));
const MASK = new Uint8Array(readFileSync("../bridge_server/demo/box_mask.png"));

const file = (bytes: Uint8Array | string, name: string): File => new File([typeof bytes === "string" ? bytes : new Uint8Array(bytes)], name);

function host(bridge = new FakeBridge()): PageHost {
  return new PageHost(new KeptSettings(), bridge, speaker("en"));
}

test("the address brings a code, or leads to the setup, or both", () => {
  assert.deepEqual(arrivalOf("#ABCDE-12345"), { code: "ABCDE-12345", setup: false });
  assert.deepEqual(arrivalOf("#ABCDE-12345/setup"), { code: "ABCDE-12345", setup: true });
  assert.deepEqual(arrivalOf("#/setup"), { code: null, setup: true });
  for (const nothing of ["", "#", "#/", "#/queue"]) {
    assert.deepEqual(arrivalOf(nothing), { code: null, setup: false });
  }
});

test("a PNG's header is read as the protocol announces it", () => {
  assert.deepEqual(pngHeader(EDITED), { width: 640, height: 480, channels: 3, bits: 8 });
  assert.equal(pngHeader(new Uint8Array(40)), null);
  assert.equal(pngHeader(EDITED.subarray(0, 20)), null);
  const palette = Uint8Array.from(EDITED);
  [palette[24], palette[25]] = [4, 3];
  assert.deepEqual(pngHeader(palette), { width: 640, height: 480, channels: 3, bits: 8 });
});

test("a frame that was downloaded here is known by its name when it comes back", () => {
  assert.equal(frameName("my.clip.mp4", 20), "my.clip.frame000020.png");
  assert.equal(frameOf("my.clip.frame000020 (1).png"), 20);
  assert.equal(frameOf("my.clip.frame000020-final.psd.png"), 20);
  assert.equal(frameOf("frame20.png"), null);
  assert.equal(frameOf("x.frame0000201.png"), null);
});

test("a video is known by its type or its name", () => {
  assert.ok(isVideo({ name: "a.mkv", type: "" }));
  assert.ok(isVideo({ name: "a", type: "video/mp4" }));
  assert.ok(!isVideo({ name: "a.png", type: "image/png" }));
});

test("an edit is handed over as the PNG that it is, and its frame is the one of its name", async () => {
  const page = host();
  page.openPath("C:\\clips\\box.mp4");
  await page.takeEdit(file(EDITED, "box.frame000020.png"));
  const scene = await page.look();
  assert.deepEqual([scene.clip?.name, scene.clip?.from, scene.frame], ["box.mp4", "typed", 20]);
  const picture = await page.edited();
  assert.deepEqual([picture.kind, picture.size, picture.width], ["png", EDITED.length, 640]);
  const bands: Uint8Array[] = [];
  for await (const band of picture.bands()) {
    bands.push(band);
  }
  assert.deepEqual(new Uint8Array(Buffer.concat(bands)), EDITED);
});

test("another clip forgets the edit and the mask of the one before", async () => {
  const page = host();
  page.openPath("/a.mp4");
  await page.takeEdit(file(EDITED, "a.png"));
  await page.takeMask(file(MASK, "mask.png"));
  assert.equal((await page.look()).mask, "mask.png");
  page.openPath("/b.mp4");
  const scene = await page.look();
  assert.deepEqual([scene.frame, scene.mask, scene.thumbnail], [null, null, null]);
  await assert.rejects(page.edited(), (error) => error instanceof HostError && error.code === "browser.no_edit");
});

test("what is no picture is refused with a hint, and the edit before it stays", async () => {
  const page = host();
  await page.takeEdit(file(EDITED, "a.png"));
  await assert.rejects(page.takeEdit(file("text", "b.png")), /b\.png is no picture/);
  assert.equal(page.edit?.file.name, "a.png");
});

test("a painted mask goes as gray rows, and one of nothing is none", async () => {
  const page = host();
  page.painted = { width: 2, height: 1, gray: () => alphaOf(new Uint8ClampedArray([9, 9, 9, 255, 9, 9, 9, 0])) };
  const mask = await page.mask();
  assert.deepEqual([mask?.kind, mask?.channels, mask?.bits, mask?.size], ["raw", 1, 8, 2]);
  assert.equal((await page.look()).mask, "painted on this page");
  assert.equal(alphaOf(new Uint8ClampedArray(8)), null);
  page.painted = { width: 2, height: 1, gray: () => null };
  assert.equal(await page.mask(), null);
});

test("a video of the page is sent once for each connection, and again after a refusal", async () => {
  const bridge = new FakeBridge();
  const page = host(bridge);
  page.openFile(file("video", "v.mp4"));
  const source = page.clip?.source;
  assert.ok(source !== undefined);
  bridge.refuses.set("upload", fault("transfer.disk_full"));
  await assert.rejects(page.grant(source));
  bridge.refuses.clear();
  const grants = [await page.grant(source), await page.grant(source)];
  assert.equal(grants[0], grants[1]);
  assert.equal(bridge.of("upload").length, 2);
  bridge.say({ state: "connecting" });
  bridge.say(CONNECTED);
  await page.grant(source);
  assert.equal(bridge.of("upload").length, 3);
  page.openPath("/b.mp4");
  await assert.rejects(page.grant(source), /not there any more/);
});

class MemoryStorage implements Storage {
  readonly kept = new Map<string, string>();
  readonly key = (): null => null;
  readonly length = 0;
  clear(): void {
    this.kept.clear();
  }
  getItem(name: string): string | null {
    return this.kept.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.kept.set(name, value);
  }
  removeItem(name: string): void {
    this.kept.delete(name);
  }
}

test("secrets live as long as the tab, the rest as long as the browser", async () => {
  const [tab, browser] = [new MemoryStorage(), new MemoryStorage()];
  const settings = new WebSettings(tab, browser);
  await settings.set("token", "a", { secret: true });
  await settings.set("choice", "b");
  assert.deepEqual([[...tab.kept.keys()], [...browser.kept.keys()]], [["videoshop.token"], ["videoshop.choice"]]);
  assert.deepEqual([await settings.get("token"), await settings.get("choice")], ["a", "b"]);
  await settings.remove("token");
  assert.equal(await settings.get("token"), null);
});

test("a saved file is taken when it rests, not while it is written, and no longer than it is watched", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let now = file("first", "x.png");
  let gone = false;
  const handle: FileHandle = {
    name: "x.png",
    getFile: () => (gone ? Promise.reject(new DOMException("away", "NotFoundError")) : Promise.resolve(now)),
    createWritable: () => Promise.reject(new Error("not asked for")),
  };
  const saved: string[] = [];
  const stop = watch(handle, (one) => saved.push(String(one.size)), (thrown) => assert.fail(String(thrown)));
  const look = async (): Promise<void> => {
    t.mock.timers.tick(1000);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const written = (text: string, lastModified: number): void => {
    now = new File([text], "x.png", { lastModified });
  };
  await look();
  assert.deepEqual(saved, []);
  written("sec", 1);
  await look();
  written("second", 2);
  await look();
  assert.deepEqual(saved, []);
  await look();
  assert.deepEqual(saved, ["6"]);
  gone = true;
  await look();
  gone = false;
  written("third time", 3);
  await look();
  await look();
  await look();
  assert.deepEqual(saved, ["6", "10"]);
  stop();
  written("never", 4);
  await look();
  await look();
  assert.deepEqual(saved, ["6", "10"]);
});

test("where the browser has no dialogue for saving there is none to ask", () => {
  assert.equal(savePicker({}), null);
  assert.notEqual(savePicker({ showSaveFilePicker: () => undefined }), null);
});
