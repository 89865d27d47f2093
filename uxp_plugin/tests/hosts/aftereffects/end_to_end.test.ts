/** The built extension and the built script in a simulated After Effects, with the real service and the real engine.
 *  The environment variable PYTHON names the Python that has them; without it, the repository's own or the system's. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runInContext } from "node:vm";
import { build, script } from "../../../build/aftereffects.mjs";
import { AfterEffects, probeWith } from "./simulator/application.ts";
import { ORIGIN, openExtension } from "./simulator/extension.ts";
import { AlphaMode, FootageItem } from "./simulator/items.ts";
import type { CompItem } from "./simulator/items.ts";
import { AVLayer } from "./simulator/layers.ts";
import { readPng } from "./simulator/pictures.ts";
import type { Point, Raster } from "./simulator/pictures.ts";
import { MaskMode } from "./simulator/properties.ts";
import { Panel } from "./simulator/script_ui.ts";
import { draw, until } from "./project.ts";
import { PYTHON, REPOSITORY, serve } from "../../serving.ts";

const DEMO = join(REPOSITORY, "bridge_server", "demo");
const EDITED = 20;
const START = 0.4;

interface Shot {
  readonly ae: AfterEffects;
  readonly comp: CompItem;
  readonly layer: AVLayer;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** The bundled clip in a composition, its frame 20 repainted and outlined. */
function shot(t: TestContext): Shot {
  const folder = mkdtempSync(join(tmpdir(), "videoshop-ae-"));
  const environment = { VIDEOSHOP_CONFIG: join(folder, "config"), VIDEOSHOP_DATA: join(folder, "data") };
  const ae = new AfterEffects({ folder, environment, probe: probeWith(PYTHON), delay: 20 });
  t.after(() => {
    ae.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const footage = ae.footage(join(DEMO, "box.mp4"));
  const comp = ae.composition("Box", footage.width, footage.height, 20, footage.frameRate);
  const layer = comp.layers.add(footage);
  layer.startTime = START;
  comp.layers.add(ae.footage(join(DEMO, "box_edited.png")));
  draw(layer, hull(readPng(join(DEMO, "box_mask.png"))), MaskMode.NONE);
  comp.time = START + EDITED / footage.frameRate;
  comp.resolutionFactor = [2, 2];
  ae.active = comp;
  return { ae, comp, layer, folder, environment };
}

/** The outline of a mask's white, which is convex here. */
function hull({ width, height, rgba }: Raster): readonly Point[] {
  const white: Point[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((rgba[(y * width + x) * 4] ?? 0) > 127) {
        white.push([x, y], [x + 1, y + 1]);
      }
    }
  }
  white.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (points: readonly Point[]): Point[] => {
    const chain: Point[] = [];
    for (const point of points) {
      while (chain.length > 1 && turn(chain.at(-2), chain.at(-1), point) <= 0) {
        chain.pop();
      }
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(white), ...half([...white].reverse())];
}

function turn(a: Point = [0, 0], b: Point = [0, 0], c: Point): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

function assertBroughtIn({ ae, comp, layer }: Shot): void {
  const result = comp.layer(layer.index - 1);
  assert.ok(result instanceof AVLayer && result.source instanceof FootageItem);
  assert.equal(result.comment, "Made by Videoshop");
  assert.equal(result.startTime, START);
  assert.equal(result.source.mainSource.alphaMode, AlphaMode.STRAIGHT);
  assert.deepEqual([result.source.width, result.source.height, result.source.frameRate], [comp.width, comp.height, comp.frameRate]);
  const path = result.source.file?.fsName ?? "";
  assert.match(path, /layer\.mov$/);
  assert.deepEqual(comp.resolutionFactor, [2, 2]);
  assert.ok(!ae.items.some((item) => item.name.startsWith("Videoshop (temporary)")));
  const measure = `
import av, sys
with av.open(sys.argv[1]) as clip:
    frames = [frame.to_ndarray(format="rgba64le") for frame in clip.decode(video=0)]
    video = clip.streams.video[0]
    solid = [float((frame[..., 3] > 60000).mean()) for frame in frames]
    print(video.codec_context.name, len(frames), min(solid) > 0.005, max(solid) < 0.1)`;
  assert.equal(execFileSync(PYTHON, ["-c", measure, path], { encoding: "utf8" }).trim(), "prores 60 True True");
}

async function service(t: TestContext, environment: Readonly<Record<string, string>>, options = ["--allow-origin", ORIGIN]): Promise<void> {
  const serving = await serve(environment, options);
  t.after(() => serving.end("SIGTERM"));
}

test("pressing the button in the extension brings a real layer above the clip, in time with it", { timeout: 240_000 }, async (t) => {
  const made = shot(t);
  await service(t, made.environment);
  const out = join(made.folder, "dist");
  await build({ out });
  const extension = await openExtension(made.ae, join(out, "aftereffects"));
  t.after(() => extension.close());
  const text = (): string => extension.document.body.textContent ?? "";
  const button = (): HTMLButtonElement | null => extension.document.querySelector(".vs-propagate > .vs-go");
  await until(() => button()?.disabled === false).catch(() => assert.fail(text()));
  assert.ok(extension.document.querySelector(".vs-panel.vs-dark") !== null);
  button()?.click();
  await until(() => made.comp.numLayers === 3, 180).catch(() => assert.fail(text()));
  assertBroughtIn(made);
  extension.reskin(230);
  await until(() => extension.document.querySelector(".vs-panel.vs-light") !== null);
});

test("the panel says that there is no service, and of one that refuses its origin that it takes no call", { timeout: 60_000 }, async (t) => {
  const made = shot(t);
  const out = join(made.folder, "dist");
  await build({ out });
  const extension = await openExtension(made.ae, join(out, "aftereffects"));
  t.after(() => extension.close());
  const line = (): string => extension.document.querySelector(".vs-connection")?.textContent ?? "";
  await until(() => line().startsWith("The bridge is not installed"));
  await service(t, made.environment, []);
  await until(() => line().includes("answers, but takes no call from this panel"), 40);
});

test("the script without CEP brings a real layer above the clip by the videoshop command", { timeout: 240_000 }, async (t) => {
  const made = shot(t);
  const command = join(made.folder, "bin", "videoshop");
  mkdirSync(dirname(command));
  writeFileSync(command, `#!/bin/sh\ncd '${REPOSITORY}' && exec '${PYTHON}' -m bridge_server.cli "$@"\n`);
  chmodSync(command, 0o755);
  const panel = new Panel();
  made.ae.context["container"] = panel;
  runInContext(`(function () { ${await script("script")} }).call(container)`, made.ae.context);
  panel.type(command);
  panel.press("Propagate to video");
  await until(() => made.comp.numLayers === 3, 180).catch(() => assert.fail(panel.texts.join("\n")));
  assertBroughtIn(made);
  assert.deepEqual(made.ae.faults, []);
});
