/**
 * The packaged plugin in the simulated Photoshop, with the real service and the real engine: from the pressed button to
 * the layer above the clip. The environment variable PYTHON names the Python that has them.
 */

import assert from "node:assert/strict";
import { before, test, type TestContext } from "node:test";
import { build } from "../../../build/photoshop.mjs";
import { clip, DEMO, rasterOf } from "./scene.ts";
import { serve } from "./service.ts";
import type { SimDocument } from "./simulator/documents.ts";
import { movie } from "./simulator/movies.ts";
import { Plugin } from "./simulator/plugin.ts";
import { temporaryFolder } from "./simulator/temporary.ts";
import { until } from "./waiting.ts";

const EDITED = 20;
const PATIENCE = 180_000;
const out = temporaryFolder();
let ccx: string;

before(async () => {
  // The service listens on any free port here, so the build that may dial any is the one to test with.
  ({ ccx } = await build({ out, network: "all" }));
});

async function open(t: TestContext): Promise<{ plugin: Plugin; root: HTMLElement; folder: string }> {
  const { home } = await serve(t);
  const folder = temporaryFolder();
  const plugin = new Plugin(ccx, { home });
  t.after(() => {
    plugin.unload();
  });
  return { plugin, root: plugin.show("videoshop"), folder };
}

/** The demo's frame, edited, as the artist has it: the clip as linked smart object, the label masked above it. */
function shot(plugin: Plugin, path: string): SimDocument {
  const { width, height, frames, rate } = movie(path) ?? assert.fail("the clip is no movie");
  return plugin.simulator.add({
    width,
    height,
    title: "box.psd",
    path: "/shots/box.psd",
    composite: rasterOf(new URL("box_edited.png", DEMO), 3),
    layers: [
      { id: 2, name: "Label", visible: true, kind: "pixel", mask: rasterOf(new URL("box_mask.png", DEMO), 1) },
      {
        id: 1,
        name: "box",
        visible: true,
        kind: "smartObject",
        link: path,
        clip: { start: 0, end: frames, content: frames },
      },
    ],
    active: [2],
    timeline: { rate, frames, frame: EDITED },
  });
}

function theButton(root: HTMLElement, words: string): HTMLButtonElement {
  const buttons = Array.from(root.querySelectorAll("button"));
  return buttons.find(({ textContent }) => textContent === words) ?? assert.fail(`there is no button "${words}"`);
}

/** What the person can see of the panel. */
function seen(root: HTMLElement): string {
  const parts = Array.from(root.querySelectorAll("p, h3, button")).filter(
    (part) => part.closest(".vs-hidden") === null,
  );
  return parts.map(({ textContent }) => textContent).join("\n");
}

test("the pressed button brings a real layer back above the clip", { timeout: PATIENCE * 2 }, async (t) => {
  const { plugin, root, folder } = await open(t);
  const { simulator } = plugin;
  const path = clip(folder);
  const document = shot(plugin, path);
  const standing = (): string => `${seen(root)}\n${plugin.complaints.join("\n")}`;
  await until(() => !theButton(root, "Propagate to video").disabled, 30_000, standing);
  theButton(root, "Propagate to video").click();
  const found = `Use frame ${EDITED}`; // the timeline might not be the clip, so the bridge looked, and asks
  await until(() => seen(root).includes(found), 60_000, standing);
  theButton(root, found).click();
  await until(() => simulator.imported.length > 0, PATIENCE, standing);

  const [file = ""] = simulator.imported;
  const source = movie(path) ?? assert.fail("the clip is no movie");
  const layer = movie(file) ?? assert.fail(`${file} is no movie`);
  assert.ok(["ap4h", "ap4x", "avc1"].includes(layer.codec), layer.codec);
  assert.deepEqual([layer.width, layer.height, layer.frames], [source.width, source.height, source.frames]);

  await until(() => seen(root).includes("placed as a linked layer"), 10_000, standing);
  const [label, placed, box] = document.layers;
  assert.deepEqual([label?.name, placed?.link, box?.name], ["Label", file, "box"]);
  assert.deepEqual([placed?.clip?.start, placed?.clip?.end], [0, source.frames]);
  assert.equal(document.history.length, 2, "one step of history");
  assert.equal(simulator.ledger.held, 0, "image data was not given back");
  assert.equal(plugin.sentWhileModal, 0, "Photoshop was locked while the bridge was talked to");
  assert.equal(simulator.depth, 0);
  assert.deepEqual(plugin.complaints, []);
});

test(
  "a clip opened with Videoshop is propagated by the playhead's number, without looking for the frame",
  { timeout: PATIENCE * 2 },
  async (t) => {
    const { plugin, root, folder } = await open(t);
    const { simulator } = plugin;
    simulator.files.picks = clip(folder);
    const standing = (): string => `${seen(root)}\n${simulator.alerts.join("\n")}\n${plugin.complaints.join("\n")}`;
    await until(() => seen(root).includes("Connected."), 30_000, standing);
    plugin.command("open");
    await until(() => simulator.documents.length === 1, 30_000, standing);
    const document = simulator.active();
    assert.ok(document.timeline);
    document.timeline.frame = EDITED;
    simulator.byHand("make", (open) => {
      open.composite = rasterOf(new URL("box_edited.png", DEMO), 3);
      open.layers.unshift({
        id: 2,
        name: "Label",
        visible: true,
        kind: "pixel",
        mask: rasterOf(new URL("box_mask.png", DEMO), 1),
      });
      open.active = [2];
    });
    await until(
      () => !theButton(root, "Propagate to video").disabled && seen(root).includes(`${EDITED} – from the document`),
      30_000,
      standing,
    );
    theButton(root, "Propagate to video").click();
    await until(() => simulator.imported.length > 1, PATIENCE, standing);
    await until(() => seen(root).includes("placed as a linked layer"), 10_000, standing);
    assert.deepEqual(
      document.layers.map(({ kind }) => kind),
      ["pixel", "smartObject", "video"],
    );
    assert.doesNotMatch(seen(root), /trimmed or moved/);
  },
);
