import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runInContext } from "node:vm";
import { script } from "../../../build/aftereffects.mjs";
import { MaskMode } from "./simulator/properties.ts";
import { Panel } from "./simulator/script_ui.ts";
import { draw, FPS, project, until } from "./project.ts";
import type { Project } from "./project.ts";

/** A `videoshop` of a few lines of shell, which keeps its arguments, a line each. */
const COMMAND = `#!/bin/sh
printf '%s\\n' "$@" > "$(dirname "$0")/arguments"
while [ $# -gt 0 ]; do [ "$1" = --output ] && output=$2; shift; done
BODY
printf frames > "$output/layer.mov"
printf '{"range": [5, 45], "quality": {"warnings": ["Frame 7 deserves a look."]}}' > "$output/report.json"
`;

async function opened(t: TestContext, body: string): Promise<Project & { panel: Panel; command: string; status: () => string }> {
  const made = await project(t);
  const command = join(made.folder, "it's %41 videoshop");
  writeFileSync(command, COMMAND.replace("BODY", body));
  chmodSync(command, 0o755);
  const panel = new Panel();
  const source = await script("script");
  made.ae.context["container"] = panel;
  runInContext(`(function () { ${source} }).call(container)`, made.ae.context);
  panel.type(command);
  made.comp.time = 20 / FPS;
  return { ...made, panel, command, status: () => panel.texts[1] ?? "" };
}

test("the script without CEP takes frame and mask, runs the command beside After Effects, and imports the layer", async (t) => {
  const { ae, comp, layer, footage, folder, panel, status } = await opened(t, "sleep 1");
  draw(layer, [[0, 0], [9, 0], [9, 9]], MaskMode.NONE);
  panel.press("Propagate to video");
  await until(() => status().includes("so far"));
  assert.match(status(), /no percentage/);
  await until(() => comp.numLayers === 2);
  assert.equal(comp.layer(1).startTime, 5 / FPS);
  assert.match(status(), /^Done: “shot.mp4 \(Videoshop\)” lies above the clip\.\nFrame 7 deserves a look\.$/);
  const words = readFileSync(join(folder, "arguments"), "utf8").split("\n");
  assert.deepEqual(words.slice(0, 3), ["propagate", footage.file?.fsName, "--edited"]);
  assert.deepEqual(words.slice(words.indexOf("--frame"), words.indexOf("--frame") + 3), ["--frame", "20", "--mask"]);
  assert.ok(Math.max(...ae.blocked) < 500, "After Effects was not blocked while the command ran");
  assert.deepEqual(readdirSync(ae.desktop.temp), []);
  assert.deepEqual(ae.faults, []);
});

test("results lie beside the saved project", async (t) => {
  const { ae, comp, folder, panel } = await opened(t, "");
  mkdirSync(join(folder, "film"));
  ae.projectFile = new ae.files.File(join(folder, "film", "cut.aep"));
  panel.press("Propagate to video");
  await until(() => comp.numLayers === 2);
  assert.match(readdirSync(join(folder, "film", "Videoshop"))[0] ?? "", /^shot_mp4-\d+$/);
});

test("what the command complains of is what the person reads", async (t) => {
  const { comp, panel, status } = await opened(t, "echo 'Error: The clip is empty.' >&2; echo 'Hint: Export it again.' >&2; exit 2");
  panel.press("Propagate to video");
  await until(() => status().startsWith("The clip"));
  assert.equal(status(), "The clip is empty.\nExport it again.");
  assert.equal(comp.numLayers, 1);
  panel.press("Propagate to video");
  assert.match(status(), /writes the frame/);
  panel.press("Stop");
});

test("a command that is not there is named, with what to do", async (t) => {
  const { ae, panel, status } = await opened(t, "");
  panel.type("/nowhere/videoshop");
  panel.press("Propagate to video");
  await until(() => status().includes("There is no command “/nowhere/videoshop”."));
  assert.equal(ae.evaluate('app.settings.getSetting("Videoshop", "command")'), "/nowhere/videoshop");
});

test("Stop ends the command and what waits for it", async (t) => {
  const { ae, comp, folder, panel, status } = await opened(t, 'trap "echo stopped > \\"$(dirname "$0")/stopped\\"; exit 130" TERM; sleep 30 & wait $!');
  panel.press("Propagate to video");
  await until(() => status().includes("so far") && existsSync(join(folder, "arguments")));
  panel.press("Stop");
  assert.equal(status(), "Stopped.");
  await until(() => existsSync(join(folder, "stopped")));
  assert.equal(comp.numLayers, 1);
  assert.equal(ae.items.length, 2);
});

test("without a clip the button says so", async (t) => {
  const { layer, panel, status } = await opened(t, "");
  layer.enabled = false;
  panel.press("Propagate to video");
  assert.match(status(), /^There is no video layer/);
});
