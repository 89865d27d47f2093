import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as table from "../../../src/hosts/photoshop/descriptors.ts";
import { isWhole } from "../../../src/hosts/png.ts";
import { curveOf, plainName, treatment } from "../../../src/hosts/photoshop/profiles.ts";
import { configFolder, portIn, text, tokenIn } from "../../../src/hosts/photoshop/storage.ts";
import { clipFrame, frameOf, rateOf, type Timeline } from "../../../src/hosts/photoshop/timeline.ts";

test("a 32-bit document's profile is named without its addition", () => {
  assert.equal(plainName("Adobe RGB (1998) (Linear RGB Profile)"), "Adobe RGB (1998)");
  assert.equal(plainName("sRGB IEC61966-2.1"), "sRGB IEC61966-2.1");
});

test("video's profiles stay, still images' spaces are converted and said so, unknown ones are said", () => {
  for (const name of ["sRGB IEC61966-2.1", "HDTV (Rec. 709)", "Display P3", "Rec.2020"]) {
    assert.deepEqual(treatment(name, false), { convertTo: null, exported: name, note: null });
  }
  assert.equal(treatment("Adobe RGB (1998) (Linear RGB Profile)", false).convertTo, "sRGB IEC61966-2.1");
  assert.match(treatment("ProPhoto RGB", false).note ?? "", /converted from ProPhoto RGB/);
  assert.match(treatment("My Printer", false).note ?? "", /My Printer/);
  assert.deepEqual(treatment("", false), { convertTo: null, exported: null, note: null });
});

test("a transfer curve goes from 0 to 1 and rises", () => {
  for (const name of ["sRGB IEC61966-2.1", "HDTV (Rec. 709)", "Adobe RGB (1998)", "ProPhoto RGB", "Gray Gamma 2.2"]) {
    const { curve } = curveOf(name);
    assert.equal(curve(0), 0);
    assert.ok(Math.abs(curve(1) - 1) < 1e-9);
    for (let i = 0; i < 1000; i++) assert.ok(curve(i / 1000) < curve((i + 1) / 1000));
  }
});

test("a timecode counts from 0, absent members as 0, with the rounded rate's frames in a second", () => {
  assert.equal(frameOf({ _obj: "timecode" }, 25), 0);
  assert.equal(frameOf({ seconds: 2, frame: 3, frameRate: 30 }, 25), 63);
  assert.equal(frameOf({ minutes: 1, seconds: 1 }, 23.976), 61 * 24);
  assert.equal(frameOf({ seconds: 0, frame: 345, frameRate: 30 }, 30), 345);
  for (const wrong of [null, undefined, 7, { seconds: "1" }, { frame: Number.NaN }, { frame: -4 }])
    assert.equal(frameOf(wrong, 25), null);
});

test("the playhead is the clip's frame only where the timeline is the clip", () => {
  const timeline: Timeline = { frame: 12, rate: 29.97, frames: 100 };
  const facts = { frames: 100, rate: 30000 / 1001, constantRate: true };
  assert.equal(clipFrame(timeline, facts, true), 12);
  assert.equal(clipFrame(timeline, facts, false), null);
  assert.equal(clipFrame(timeline, { ...facts, constantRate: false }, true), null);
  assert.equal(clipFrame(timeline, { ...facts, frames: 101 }, true), null);
  assert.equal(clipFrame(timeline, { ...facts, rate: 30 }, true), null);
  assert.equal(clipFrame({ ...timeline, frame: 100 }, facts, true), null);
  assert.equal(clipFrame(timeline, null, true), null);
  assert.equal(clipFrame(null, facts, true), null);
  assert.equal(rateOf("30000/1001"), 30000 / 1001);
  assert.equal(rateOf("1/0"), null);
});

test("a linked smart object names its file, an embedded one none", () => {
  const link = (value: unknown): string | null => table.linkedPath({ _obj: "layer", smartObject: { link: value } });
  assert.equal(link({ _path: "/clips/a.mov", _kind: "local" }), "/clips/a.mov");
  assert.equal(link("/clips/a.mov"), "/clips/a.mov");
  assert.equal(link({ _path: "file:///C:/my%20clips/a.mov" }), "C:/my clips/a.mov");
  assert.equal(link(undefined), null);
  assert.equal(link({ _path: "" }), null);
});

test("a video layer's file is taken wherever it stands, but only when there is one", () => {
  const probe = (videoLayer: unknown): string | null => table.videoLayerPath({ _obj: "layer", videoLayer });
  assert.equal(probe({ a: { list: [{ _path: "/clips/a.mov" }] } }), "/clips/a.mov");
  assert.equal(probe({ a: "C:\\clips\\a.mp4", b: 3 }), "C:\\clips\\a.mp4");
  assert.equal(probe({ a: "/clips/a.mov", b: "/clips/b.mov" }), null);
  assert.equal(probe({ name: "a.mov", still: "/clips/a.psd" }), null);
  assert.equal(probe(undefined), null);
});

test("a file's address is tried as it is and encoded", () => {
  assert.deepEqual(table.fileAddresses("/a/b.mov"), ["file:/a/b.mov"]);
  assert.deepEqual(table.fileAddresses("C:\\my clips\\b#1.mov"), [
    "file:/C:/my clips/b#1.mov",
    "file:/C:/my%20clips/b%231.mov",
  ]);
});

test("every undocumented descriptor has its source, its check and its place in HOSTS.md", () => {
  const page = readFileSync(new URL("../../../HOSTS.md", import.meta.url), "utf8");
  for (const [name, { source, check }] of Object.entries(table.EVIDENCE)) {
    assert.ok(source.length > 20 && check.length > 20, name);
    const exported = name === "moveInTime" || name === "moveOutTime" || name === "moveAllTime" ? "move" : name;
    assert.ok(exported in table, `${name} is not in the table`);
    assert.ok(page.includes(`\`${name}\``), `${name} is not in HOSTS.md`);
  }
});

test("the bridge's files are where the service puts them on each system", () => {
  const folder = (platform: string, home: string): string =>
    configFolder({ platform: () => platform, homedir: () => home });
  assert.equal(folder("darwin", "/Users/a"), "/Users/a/Library/Application Support/videoshop");
  assert.equal(folder("win32", "C:\\Users\\a\\"), "C:\\Users\\a\\AppData\\Local\\videoshop");
  assert.equal(folder("win10", "C:\\Users\\a"), "C:\\Users\\a\\AppData\\Local\\videoshop");
  assert.equal(folder("linux", "/home/a"), "/home/a/.config/videoshop");
});

test("what is no port and no token is none", () => {
  assert.equal(portIn('{"port": 47821, "pid": 3}'), 47821);
  for (const wrong of [null, "", "{", "[]", "null", '{"port": "1"}', '{"port": 70000}', '{"port": 1.5}'])
    assert.equal(portIn(wrong), null);
  assert.equal(tokenIn(` ${"0a".repeat(32)}\n`), "0a".repeat(32));
  for (const wrong of [null, "", "0a", "0A".repeat(32), "xx".repeat(32)]) assert.equal(tokenIn(wrong), null);
});

test("UTF-8 is read without TextDecoder", () => {
  assert.equal(text(new TextEncoder().encode("Größe 漢 🎬")), "Größe 漢 🎬");
});

test("half a PNG is none", () => {
  const whole = readFileSync(new URL("../../../../bridge_server/demo/box_edited.png", import.meta.url));
  assert.ok(isWhole(whole));
  assert.ok(!isWhole(whole.subarray(0, whole.length - 1)));
  assert.ok(!isWhole(whole.subarray(1)));
});
