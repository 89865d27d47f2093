import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { answerOf, callsThrough, scriptOf } from "../../../src/hosts/aftereffects/calls.ts";
import { themeOf } from "../../../src/hosts/aftereffects/cep.ts";
import { afterEffects } from "../../../src/hosts/aftereffects/host.ts";
import type { AfterEffectsHost, Surroundings } from "../../../src/hosts/aftereffects/host.ts";
import { pictureOf } from "../../../src/hosts/aftereffects/still.ts";
import type { Settings } from "../../../src/hosts/host.ts";
import { MaskMode } from "./simulator/properties.ts";
import { filled, pngBytes } from "./simulator/pictures.ts";
import { draw, FPS, HEIGHT, project, until, WIDTH } from "./project.ts";
import type { Project } from "./project.ts";
import type { Options } from "./simulator/application.ts";

function memory(): Settings {
  const kept = new Map<string, string>();
  return {
    get: async (name) => kept.get(name) ?? null,
    set: async (name, value) => void kept.set(name, value),
    remove: async (name) => void kept.delete(name),
  };
}

function read(path: string, encoding?: "Base64"): string | null {
  try {
    return readFileSync(path, encoding === undefined ? "utf8" : "base64");
  } catch {
    return null;
  }
}

async function hosted(t: TestContext, options: Partial<Options> = {}, over: Partial<Surroundings> = {}): Promise<Project & { host: AfterEffectsHost }> {
  const made = await project(t, options);
  return { ...made, host: await afterEffects({ calls: made.calls, settings: memory(), read, pause: 5, beat: 10, ...over }) };
}

async function bytes(picture: { bands(): AsyncIterable<Uint8Array> }): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const band of picture.bands()) {
    parts.push(band);
  }
  return Buffer.concat(parts);
}

test("the host is named after After Effects' version", async (t) => {
  assert.equal((await hosted(t)).host.name, "After Effects 25.2");
});

test("the edited frame is a PNG of the clip's size, and its file is gone afterwards", async (t) => {
  const { ae, host, comp } = await hosted(t);
  comp.time = 20 / FPS;
  const picture = await host.edited();
  const expected = pngBytes(filled(WIDTH, HEIGHT, [0.2, 0.2, 0.2]));
  assert.deepEqual(await bytes(picture), expected);
  const { kind, size, width, height, channels, bits } = picture;
  assert.deepEqual({ kind, size, width, height, channels, bits }, { kind: "png", size: expected.length, width: WIDTH, height: HEIGHT, channels: 4, bits: 8 });
  assert.deepEqual(readdirSync(ae.desktop.temp), []);
});

test("there is a mask where the layer has one", async (t) => {
  const { host, layer } = await hosted(t);
  assert.equal(await host.mask(), null);
  draw(layer, [[0, 0], [9, 0], [9, 9]], MaskMode.NONE);
  assert.equal((await host.mask())?.width, WIDTH);
});

test("a frame that After Effects does not write is given up, and its composition goes", async (t) => {
  const { ae, host } = await hosted(t, { delay: 5000 }, { patience: 30 });
  await assert.rejects(host.edited(), { code: "frame.too_slow" });
  assert.equal(ae.items.length, 2);
});

test("port and token come from the files in the bridge's folder, where they are sound", async (t) => {
  const config = join(t.name.replace(/\W+/g, "-").slice(0, 8));
  const { folder } = await project(t);
  const made = await hosted(t, { environment: { VIDEOSHOP_CONFIG: join(folder, config) } });
  assert.deepEqual(await made.host.discover(), { port: null, token: null });
  mkdirSync(join(folder, config));
  writeFileSync(join(folder, config, "bridge.json"), '{"port": 47');
  writeFileSync(join(folder, config, "token"), "short\n");
  assert.deepEqual(await made.host.discover(), { port: null, token: null });
  writeFileSync(join(folder, config, "bridge.json"), '{"port": 47822, "protocol": 1}');
  writeFileSync(join(folder, config, "token"), `${"ab".repeat(32)}\n`);
  assert.deepEqual(await made.host.discover(), { port: 47822, token: "ab".repeat(32) });
});

test("a clip that the person chose is remembered for its composition only", async (t) => {
  const { ae, comp, layer, host, folder } = await hosted(t);
  layer.enabled = false;
  ae.desktop.chosen = null;
  assert.equal(await host.chooseClip(), null);
  ae.desktop.chosen = join(folder, "other.mov");
  await host.chooseClip();
  assert.deepEqual((await host.look()).clip, { path: join(folder, "other.mov"), name: "other.mov", from: "asked" });
  ae.active = ae.composition("Next", WIDTH, HEIGHT, 1, FPS);
  assert.equal((await host.look()).clip, null);
  ae.active = comp;
  layer.enabled = true;
  assert.equal((await host.look()).clip?.from, "footage");
});

test("a result is brought to the composition of its frame, also by a panel that was opened anew", async (t) => {
  const settings = memory();
  const { ae, comp, host, calls, footage, folder } = await hosted(t, {}, { settings });
  await host.edited();
  const twin = ae.composition("Twin", WIDTH, HEIGHT, 10, FPS);
  twin.layers.add(footage);
  ae.active = twin;
  const again = await afterEffects({ calls, settings, read });
  const layer = join(folder, "layer.mov");
  writeFileSync(layer, "frames");
  const files = { folder, layer, flat: null, start: 0, fps: "25", name: "shot" };
  assert.equal((await again.bringIn({ ...files, clip: footage.file?.fsName ?? null })).rung, "layer");
  assert.deepEqual([comp.numLayers, twin.numLayers], [2, 1]);
  await host.bringIn(files);
  assert.equal(comp.numLayers, 3);
});

test("the panel is told when the scene changes, and no more after it stopped to listen", async (t) => {
  const { host, comp } = await hosted(t);
  let told = 0;
  const stop = host.onChange(() => (told += 1));
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(told, 0);
  comp.time = 1;
  await until(() => told === 1);
  stop();
  comp.time = 0;
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(told, 1);
});

test("a PNG of another size, and what is no PNG, is refused", () => {
  const png = Uint8Array.from(pngBytes(filled(32, 24, [0, 0, 0])));
  assert.throws(() => pictureOf(png, { width: 64, height: 48 }), { code: "frame.size_differs" });
  assert.throws(() => pictureOf(png.slice(1), { width: 32, height: 24 }), { code: "frame.not_png" });
  assert.throws(() => pictureOf(png.slice(0, 20), { width: 32, height: 24 }), { code: "frame.not_png" });
});

test("requests are ASCII and arrive as they were meant, whatever is in a path", async (t) => {
  const { calls } = await project(t);
  const path = "/tmp/ö'\"\\\u2028 %41 🎬/no.mov";
  assert.match(scriptOf("reveal", path), /^[\x20-\x7e]+$/);
  await assert.rejects(calls.reveal(path), { message: `There is no “${path}” any more.` });
});

test("what is no answer is an error with a hint, and a fault keeps its words", () => {
  assert.throws(() => answerOf("look", "EvalScript error."), { code: "host.no_answer" });
  assert.throws(() => answerOf("look", '{"fault":{"code":"a.b","message":"No.","hint":"Do."}}'), { code: "a.b", message: "No.", hint: "Do." });
});

test("a script that After Effects does not know, and a call that throws, come back as faults", async (t) => {
  const { ae } = await project(t);
  assert.match(String(ae.evaluate('$.global.videoshopPanel.call("{\\"call\\": \\"constructor\\"}")')), /"code":"script.unknown_call"/);
  assert.match(String(ae.evaluate('$.global.videoshopPanel.call("{")')), /"code":"script.not_json"/);
  assert.match(String(ae.evaluate('$.global.videoshopPanel.call("{\\"call\\": \\"bring\\"}")')), /"code":"host.failed"/);
});

test("a host that waits in a dialog is called busy", async () => {
  await assert.rejects(callsThrough(() => new Promise(() => {}), 10).look(), { code: "host.busy" });
});

test("the theme is After Effects' own", () => {
  const skin = (grey: number) => JSON.stringify({ appSkinInfo: { panelBackgroundColor: { color: { red: grey, green: grey, blue: grey, alpha: 255 } } } });
  assert.deepEqual([themeOf(skin(35)), themeOf(skin(240)), themeOf("{}")], ["dark", "light", "dark"]);
});
