import assert from "node:assert/strict";
import { test } from "node:test";
import { HostError } from "../../src/hosts/host.ts";
import { TABLES } from "../../src/panel/strings.ts";
import { CLIP, CONNECTED, done, fault, FakeBridge, FakeHost, flat, KeptSettings, RESULT, snapshot } from "./fakes.ts";
import { opened, shown } from "./page.ts";

const GO = "Propagate to video";

// Connection

for (const language of ["en", "de"] as const) {
  for (const trouble of ["not_installed", "not_running", "version", "not_paired", "wrong_code", "not_trusted", "port_taken", "closed"] as const) {
    test(`"${trouble}" is said with what to do (${language})`, async (t) => {
      const { bridge, settled, text } = await opened(t, { connected: false, language });
      bridge.say({ state: "stopped", trouble, detail: "Port 47821." });
      await settled();
      assert.ok(text().includes(TABLES[language][`trouble.${trouble}`]));
      assert.ok(text().includes(TABLES[language][`trouble.${trouble}.hint`]));
      assert.ok(text().includes("Port 47821."));
    });
  }
}

test("while it waits it says how long, and what was known stays", async (t) => {
  const { bridge, settled, text, button } = await opened(t);
  bridge.tell(done("1"));
  bridge.say({ state: "waiting", trouble: "not_running", detail: "", seconds: 5 });
  await settled();
  assert.match(text(), /does not answer\. Trying again in 5 s\./);
  assert.match(text(), /Results box\.mp4/);
  assert.ok(button("Compare").disabled);
  assert.ok(button(GO).disabled);
});

test("a code is typed and sent with Enter; it does not stay in its field", async (t) => {
  const { bridge, settled, field, key } = await opened(t, { connected: false });
  bridge.say({ state: "stopped", trouble: "not_paired", detail: "" });
  await settled();
  const code = field("Pairing code");
  code.value = " abcde-12345 ";
  await key(code, "Enter");
  assert.deepEqual(bridge.of("pair"), [["abcde-12345"]]);
  assert.equal(code.value, "");
});

test("a code that is at hand is used instead of the token", async (t) => {
  const { bridge } = await opened(t, { connected: false, code: "AAAAA-BBBBB" });
  assert.deepEqual(bridge.of("pair"), [["AAAAA-BBBBB"]]);
  assert.equal(bridge.started, 0);
});

test("a port is kept and tried at once; what is none is refused", async (t) => {
  const { bridge, host, press, type, field, text } = await opened(t);
  await press("Connection");
  await type("Port", "99999");
  await press("Use this port");
  assert.match(text(), /A port is a number from 1 to 65535/);
  field("Port").value = "5000";
  await press("Use this port");
  assert.equal(await host.settings.get("bridge.port"), "5000");
  assert.equal(bridge.started, 2);
});

test("a page that the bridge serves offers no port", async (t) => {
  const { press, field } = await opened(t, { ports: false });
  await press("Connection");
  assert.throws(() => field("Port"));
});

// What is used

test("clip, frame and mask are shown with where they come from", async (t) => {
  const { text, root } = await opened(t);
  assert.match(text(), /box\.mp4 linked file 40 frames, 640 × 360, 29\.97 fps/);
  assert.match(text(), /20 – from the document/);
  assert.match(text(), /layer mask/);
  const pictures = Array.from(root.querySelectorAll<HTMLImageElement>(".vs-scene img:not(.vs-hidden)"), ({ alt }) => alt);
  assert.deepEqual(pictures, ["First frame of box.mp4", "The edited frame", "Frame 20 of box.mp4"]);
});

for (const [why, scene, said] of [
  ["nothing is open", { document: null, clip: null }, "Open the document with the edited frame."],
  ["no clip is known", { clip: null }, "Choose the clip that the frame is from."],
  ["the frame is behind the end", { frame: 99 }, "The clip has no frame 99: its last one is 39."],
] as const) {
  test(`the button is off and says why when ${why}`, async (t) => {
    const { host, settled, button, text } = await opened(t);
    host.change(scene);
    await settled();
    assert.ok(button(GO).disabled);
    assert.ok(text().includes(said));
  });
}

test("a clip that the bridge refuses is said with its hint and code, and can be tried again", async (t) => {
  const bridge = new FakeBridge();
  bridge.refuses.set("grant", fault("grant.missing", "The clip is gone.", "Put it back."));
  const { text, press, button } = await opened(t, { bridge });
  assert.match(text(), /The clip is gone\. Put it back\. Code grant\.missing/);
  assert.match(text(), /The clip cannot be used\./);
  bridge.refuses.clear();
  await press("Try now");
  assert.ok(!button(GO).disabled);
});

test("a chosen clip is read", async (t) => {
  const host = new FakeHost();
  host.scene = { ...host.scene, clip: null };
  host.chosen = { ...CLIP, from: "asked" };
  const { press, text } = await opened(t, { host });
  await press("Choose clip…");
  assert.match(text(), /box\.mp4 chosen 40 frames/);
});

test("what the host notes is shown", async (t) => {
  const { host, settled, text } = await opened(t);
  host.change({ notes: ["The document has 8 bits."] });
  await settled();
  assert.match(text(), /The document has 8 bits\./);
});

// Choices

test("what it takes is said before it starts when that is asked for, and follows the choice", async (t) => {
  const { bridge, text, press, settled, button } = await opened(t);
  await press("Estimate first");
  assert.match(text(), /Start it\? 40 frames, about 7 s, 640 MB of memory\./);
  assert.equal(bridge.of("submit").length, 0);
  bridge.refuses.set("estimate", fault("weights.missing", "The model is missing.", "Download it."));
  const full = Array.from(document.querySelectorAll<HTMLInputElement>("[type=radio]")).find(({ value }) => value === "videoshop");
  full?.click();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await settled();
  assert.match(text(), /No estimate: The model is missing\. Download it\./);
  assert.ok(button("Start").disabled);
  bridge.refuses.clear();
  document.querySelector<HTMLInputElement>("[type=radio]")?.click();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await settled();
  await press("Start");
  assert.equal(bridge.of("send").length, 1);
  assert.equal(bridge.of("submit").length, 1);
});

test("a long run is asked about before it starts, a short one is not", async (t) => {
  const { bridge, text, press } = await opened(t);
  bridge.estimated = { frames: 900, seconds: 7500, memory: 14e9 };
  await press(GO);
  assert.match(text(), /900 frames, about 2 h 5 min, 14\.0 GB of memory\./);
  await press("Not now");
  bridge.estimated = { frames: 40, seconds: 8, memory: 1e9 };
  await press(GO);
  assert.equal(bridge.of("submit").length, 1);
});

test("what could not run is refused before it is a job", async (t) => {
  const { bridge, text, press } = await opened(t);
  bridge.refuses.set("estimate", fault("weights.missing", "The model is missing.", "Download it."));
  await press(GO);
  assert.match(text(), /The model is missing\. Download it\. Code weights\.missing/);
  assert.equal(bridge.of("submit").length, 0);
});

test("a wrong number is not run, and the button says why", async (t) => {
  const { text, press, type, button, settled } = await opened(t);
  await press("More");
  Array.from(document.querySelectorAll<HTMLInputElement>("[type=radio]"))[1]?.click();
  await settled();
  await type("Strength", "much");
  assert.ok(button(GO).disabled);
  assert.match(text(), /Strength is above 0 and at most 1\./);
});

test("a range is chosen by its first and last frame", async (t) => {
  const { bridge, type, press, field, settled } = await opened(t);
  field("Whole clip").click();
  await settled();
  await type("First frame", "10");
  await type("Last frame", "29");
  await press(GO);
  const [[params]] = bridge.of("submit") as [[{ range: unknown }]];
  assert.deepEqual(params.range, { start: 10, stop: 30 });
});

test("choices and presets outlive the panel; presets are saved, applied and deleted", async (t) => {
  const settings = new KeptSettings();
  const first = await opened(t, { host: new FakeHost(settings) });
  await first.press("More");
  assert.match(first.text(), /No preset is saved\./);
  first.field("Layer and clip as PNG frames").click();
  first.field("Name of the preset").value = "Frames";
  await first.key(first.field("Name of the preset"), "Enter");
  first.field("Layer and clip as PNG frames").click();
  await first.settled();
  first.panel.unmount();

  const { press, field, text } = await opened(t, { host: new FakeHost(settings) });
  await press("More");
  assert.ok(!field("Layer and clip as PNG frames").checked);
  await press("Apply");
  assert.ok(field("Layer and clip as PNG frames").checked);
  await press("Delete");
  assert.match(text(), /No preset is saved\./);
});

// Propagating

test("the edit and its mask are sent and submitted for the frame that the document says", async (t) => {
  const host = new FakeHost();
  host.masking = async () => flat(2304);
  const { bridge, press } = await opened(t, { host });
  await press(GO);
  assert.equal(bridge.of("send").length, 2);
  assert.equal(bridge.of("locate").length, 0);
  const [[params]] = bridge.of("submit") as [[{ keyframes: [{ frame: number; mask: string }] }]];
  assert.equal(params.keyframes[0].frame, 20);
  assert.match(params.keyframes[0].mask, /^transfer/);
});

test("each step is said while it lasts, and can be stopped", async (t) => {
  const { bridge, press, text, button } = await opened(t);
  let go: () => void = () => undefined;
  bridge.waits.set("send", new Promise((resolve) => (go = resolve)));
  await press(GO);
  assert.match(text(), /Sending the frame: 50 %\./);
  assert.ok(button(GO).disabled);
  await press("Stop");
  go();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(bridge.of("submit").length, 0);
  assert.ok(!button(GO).disabled);
});

test("what is stopped while it is handed over is cancelled", async (t) => {
  const { bridge, press, panel, settled } = await opened(t);
  let go: () => void = () => undefined;
  bridge.waits.set("submit", new Promise((resolve) => (go = resolve)));
  await press(GO);
  await panel.cancel();
  go();
  await settled();
  assert.equal(bridge.of("cancel").length, 1);
});

const unknownFrame = (): FakeHost => {
  const host = new FakeHost();
  host.scene = { ...host.scene, frame: null };
  return host;
};

test("a frame that was found is asked about, with its picture; Enter takes it", async (t) => {
  const { bridge, press, text, root, settled } = await opened(t, { host: unknownFrame() });
  assert.match(text(), /It is looked for when you propagate\./);
  await press(GO);
  assert.match(text(), /Is this the frame\? Frame 20 fits best \(97 % sure\)\./);
  assert.equal(bridge.of("submit").length, 0);
  assert.ok(root.querySelector('.vs-confirm img[alt="Frame 20 of box.mp4"]:not(.vs-hidden)'));
  assert.match(text(), /40 frames, about 7 s/);
  assert.equal(document.activeElement?.textContent, "Use frame 20");
  (document.activeElement as HTMLButtonElement).click();
  await settled();
  const [[params]] = bridge.of("submit") as [[{ keyframes: [{ frame: number }] }]];
  assert.equal(params.keyframes[0].frame, 20);
});

test("a frame that was found can be corrected", async (t) => {
  const host = unknownFrame();
  const { bridge, press, text, field, key, button } = await opened(t, { host });
  bridge.located = { frame: 7, confidence: 0.4 };
  await press(GO);
  assert.match(text(), /only 40 % sure/);
  const number = field("Number of the edited frame");
  number.value = "99";
  await key(number, "Enter");
  assert.match(text(), /The clip has no frame 99/);
  number.value = "8";
  number.dispatchEvent(new document.defaultView!.Event("input"));
  button("Use frame 8").click();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const [[params]] = bridge.of("submit") as [[{ keyframes: [{ frame: number }] }]];
  assert.equal(params.keyframes[0].frame, 8);
});

test("a frame that was agreed to is not asked about again while it is found again for sure", async (t) => {
  const { bridge, press } = await opened(t, { host: unknownFrame() });
  await press(GO);
  await press("Use frame 20");
  await press(GO);
  assert.equal(bridge.of("locate").length, 2);
  assert.equal(bridge.of("submit").length, 2);
});

test("a frame that was confirmed after the connection was lost is sent anew", async (t) => {
  const { bridge, press, settled } = await opened(t, { host: unknownFrame() });
  await press(GO);
  bridge.say({ state: "connecting" });
  bridge.say(CONNECTED);
  await settled();
  await press("Use frame 20");
  assert.equal(bridge.of("send").length, 2);
  assert.equal(bridge.of("submit").length, 1);
});

test("Escape says no to the frame, and nothing is submitted", async (t) => {
  const { bridge, press, key, button } = await opened(t, { host: unknownFrame() });
  await press(GO);
  await key(button("Use frame 20"), "Escape");
  assert.ok(!button(GO).disabled);
  assert.equal(bridge.of("submit").length, 0);
});

for (const step of ["send", "locate", "submit"]) {
  test(`when "${step}" is refused that is said with hint and code, and all is ready again`, async (t) => {
    const { bridge, press, text, button } = await opened(t, { host: unknownFrame() });
    bridge.refuses.set(step, fault("transfer.disk_full", "The disk is full.", "Make room."));
    await press(GO);
    if (step === "submit") {
      await press("Use frame 20");
    }
    assert.match(text(), /The disk is full\. Make room\. Code transfer\.disk_full/);
    assert.ok(!button(GO).disabled);
    bridge.refuses.clear();
    await press(GO);
    assert.doesNotMatch(text(), /The disk is full/);
  });
}

test("what the host refuses is said with its hint, and what is no refusal too", async (t) => {
  const { host, press, text } = await opened(t);
  host.editing = () => Promise.reject(new HostError("photoshop.busy", "Photoshop is busy.", "End its dialogue."));
  await press(GO);
  assert.match(text(), /Photoshop is busy\. End its dialogue\. Code photoshop\.busy/);
  host.editing = () => Promise.reject(new TypeError("x is undefined"));
  await press(GO);
  assert.match(text(), /TypeError: x is undefined/);
  await press("Close");
  assert.doesNotMatch(text(), /TypeError/);
});

test("what a bridge that was restarted does not know is sent once more", async (t) => {
  const { bridge, press } = await opened(t);
  let first = true;
  bridge.submit = async (params) => {
    bridge.asked.push(["submit", params]);
    if (first) {
      first = false;
      throw fault("transfer.unknown");
    }
    return "job 1";
  };
  await press(GO);
  assert.equal(bridge.of("send").length, 2);
  assert.equal(bridge.of("submit").length, 2);
});

test("a clip that changed since it was read is read again when the person says so", async (t) => {
  const { bridge, press, text, button } = await opened(t);
  bridge.refuses.set("submit", fault("grant.changed", "The clip changed.", "Choose it again."));
  await press(GO);
  assert.match(text(), /The clip changed\. Choose it again\. Code grant\.changed/);
  assert.ok(button(GO).disabled);
  bridge.refuses.clear();
  await press("Try now");
  await press(GO);
  assert.equal(bridge.of("grant").length, 2);
  assert.equal(bridge.of("submit").length, 2);
});

test("a host's own button does the same, and is told why not", async (t) => {
  const { bridge, host, panel, settled, text } = await opened(t);
  await panel.propagate();
  assert.equal(bridge.of("submit").length, 1);
  host.change({ clip: null });
  await panel.propagate();
  await settled();
  assert.match(text(), /Choose the clip that the frame is from\. Code panel\.obstacle/);
});

// The queue

test("a running job shows its stage, how far it is, the time left and its newest frame", async (t) => {
  let at = 100;
  const { bridge, settled, row } = await opened(t, { now: () => at });
  const running = snapshot("1", { state: "running", stage: "propagate", done: 10, total: 40 });
  bridge.tell(running);
  bridge.preview("1", 12);
  at = 105;
  bridge.tell({ ...running, seq: 2, done: 20 });
  await settled();
  const said = shown(row("Queue"));
  assert.match(said, /Preview · from Fake 1\.0/);
  assert.match(said, /Propagating 20 of 40, about 10 s left of this stage/);
  assert.equal(row("Queue").querySelector("img")?.alt, "Frame 12 of box.mp4, as it is now");
  const bar = row("Queue").querySelector("progress");
  assert.deepEqual([bar?.value, bar?.max], [20, 40]);
});

test("jobs that wait are held, released, moved up and cancelled; the queue is paused and resumed", async (t) => {
  const { bridge, settled, press, row, text } = await opened(t);
  bridge.tell(snapshot("1"), snapshot("2", { held: true }));
  bridge.tellQueue(false, ["1", "2"]);
  await settled();
  await press("Hold", row("Queue", 0));
  await press("Release", row("Queue", 1));
  await press("Move up", row("Queue", 1));
  await press("Cancel", row("Queue", 0));
  assert.deepEqual(buttons(row("Queue", 0)), ["Cancel", "Hold"]);
  await press("Pause queue");
  bridge.tellQueue(true, ["2", "1"]);
  await settled();
  assert.match(text(), /Paused: no other job starts/);
  await press("Resume queue");
  assert.deepEqual(
    ["hold", "release", "move", "cancel", "pause", "resume"].map((name) => bridge.of(name)),
    [[["1"]], [["2"]], [["2", "1"]], [["1"]], [[false]], [[]]],
  );
});

function buttons(row: Element): string[] {
  return Array.from(row.querySelectorAll("button:not(.vs-hidden)"), (one) => one.textContent ?? "");
}

test("what the bridge refuses about a job is said at that job", async (t) => {
  const { bridge, settled, press, row } = await opened(t);
  bridge.tell(snapshot("1"));
  await settled();
  bridge.refuses.set("cancel", fault("job.state_forbids", "It is over.", "Look at its result."));
  await press("Cancel", row("Queue"));
  assert.match(shown(row("Queue")), /It is over\. Look at its result\. Code job\.state_forbids/);
});

test("a row stays the same element while it changes, so that focus stays", async (t) => {
  const { bridge, settled, row } = await opened(t);
  bridge.tell(snapshot("1"), snapshot("2"));
  bridge.tellQueue(false, ["1", "2"]);
  await settled();
  const before = row("Queue", 1);
  const cancel = before.querySelector("button");
  cancel?.focus();
  bridge.tellQueue(false, ["2", "1"]);
  await settled();
  assert.equal(row("Queue", 0), before);
});

test("cancel of the host cancels the job of this panel that runs, and nobody else's", async (t) => {
  const { bridge, panel, job, settled } = await submitted(t);
  bridge.tell(snapshot("other", { state: "running" }));
  await settled();
  await panel.cancel();
  assert.deepEqual(bridge.of("cancel"), []);
  bridge.tell(snapshot(job));
  await panel.cancel();
  assert.deepEqual(bridge.of("cancel"), [[job]]);
});

// Results

async function submitted(t: Parameters<typeof opened>[0], host = new FakeHost()): Promise<Awaited<ReturnType<typeof opened>> & { job: string }> {
  const scenery = await opened(t, { host });
  await scenery.press(GO);
  const kept = JSON.parse((await host.settings.get("panel.jobs")) ?? "{}");
  const [job] = Object.keys(kept);
  assert.ok(job !== undefined);
  return { ...scenery, job };
}

test("a job of this panel is brought in when it is done, once, and the rung is shown", async (t) => {
  const { bridge, host, job, settled, text } = await submitted(t);
  host.imported = { rung: "second document", todo: "Drag the layer over." };
  bridge.tell(done(job));
  bridge.tell(done(job, { seq: 10 }));
  await settled();
  assert.deepEqual(host.broughtIn, [
    {
      folder: "/results/1",
      layer: "/results/1/layer.mov",
      flat: "/results/1/flat.mp4",
      start: 0,
      fps: "30000/1001",
      name: "box – Videoshop",
      clip: "/clips/box.mp4",
      frame: 20,
      place: null,
    },
  ]);
  assert.match(text(), /Brought in: second document\. Drag the layer over\./);
});

test("a job that was done while the panel was closed is brought in when it comes back, and not again after that", async (t) => {
  const settings = new KeptSettings();
  const first = await submitted(t, new FakeHost(settings));
  first.panel.unmount();
  for (const times of [1, 0]) {
    const host = new FakeHost(settings);
    const again = await opened(t, { host });
    again.bridge.tell(done(first.job));
    await again.settled();
    assert.equal(host.broughtIn.length, times);
    again.panel.unmount();
  }
});

test("a result of another document waits until that is open", async (t) => {
  const { bridge, host, job, settled, text } = await submitted(t);
  host.change({ document: "other.psd" });
  await settled();
  bridge.tell(done(job));
  await settled();
  assert.equal(host.broughtIn.length, 0);
  assert.match(text(), /It belongs to box\.psd/);
  host.change({ document: "box.psd" });
  await settled();
  assert.equal(host.broughtIn.length, 1);
});

test("a job of somebody else is not brought in by itself, but when it is asked for", async (t) => {
  const { bridge, host, settled, press, row } = await opened(t);
  bridge.params = { range: { start: 5, stop: 9 } };
  bridge.tell(done("7"));
  await settled();
  assert.equal(host.broughtIn.length, 0);
  await press("Import", row("Results"));
  assert.deepEqual([host.broughtIn[0]?.start, host.broughtIn[0]?.fps], [5, "30000/1001"]);
  await press("Import again", row("Results"));
  assert.equal(host.broughtIn.length, 2);
});

test("a result that no rung carries is said with its hint, and can be imported again", async (t) => {
  const { bridge, host, job, settled, press, row } = await submitted(t);
  host.refusal = new HostError("photoshop.no_rung", "Photoshop took none of the files.", "Drag it in from its folder.");
  bridge.tell(done(job));
  await settled();
  assert.match(shown(row("Results")), /Photoshop took none of the files\. Drag it in from its folder\./);
  host.refusal = null;
  await press("Import again", row("Results"));
  assert.match(shown(row("Results")), /Brought in: linked layer\./);
});

test("a failed job shows what went wrong, what to do and its code, and can be retried", async (t) => {
  const { bridge, settled, press, row } = await opened(t);
  const error = { code: "weights.missing", message: "The model is missing.", hint: "Download it.", retryable: true, ref: null };
  bridge.tell(snapshot("1", { state: "failed", error, message: "never said beside it" }));
  await settled();
  assert.match(shown(row("Results")), /Failed The model is missing\. Download it\. Code weights\.missing/);
  assert.doesNotMatch(shown(row("Results")), /never said/);
  await press("Retry", row("Results"));
  assert.deepEqual(bridge.of("retry"), [["1"]]);
});

test("a job is run again with what is chosen now, and its result is brought in too", async (t) => {
  const { bridge, host, job, settled, press, row, field } = await submitted(t);
  bridge.tell(done(job));
  await settled();
  await press("More");
  field("Finished clip, lossless (.mkv)").click();
  await press("Re-run", row("Results"));
  const [[of, changes]] = bridge.of("rerun") as [[string, { formats: unknown }]];
  assert.equal(of, job);
  assert.deepEqual(changes.formats, ["mov", "mp4", "mkv"]);
  const kept: string[] = Object.keys(JSON.parse((await host.settings.get("panel.jobs")) ?? "{}"));
  const again = kept.find((one) => one !== job);
  assert.ok(again !== undefined);
  bridge.tell(done(again));
  await settled();
  assert.equal(host.broughtIn.length, 2);
});

test("results are revealed, and removed only when that is pressed twice", async (t) => {
  const { bridge, host, settled, press, row, text } = await opened(t);
  bridge.tell(done("1"));
  await settled();
  await press("Reveal", row("Results"));
  assert.deepEqual(host.revealed, ["/results/1"]);
  await press("Remove", row("Results"));
  assert.equal(bridge.of("remove").length, 0);
  await press("Delete its files?", row("Results"));
  assert.deepEqual(bridge.of("remove"), [["1"]]);
  bridge.tellRemoved("1");
  await settled();
  assert.doesNotMatch(text(), /Results/);
});

test("files are offered for download only where the host can save them", async (t) => {
  const saved: [string, Uint8Array][] = [];
  const { bridge, settled, press, row } = await opened(t, { save: (name, bytes) => saved.push([name, bytes]) });
  bridge.tell(done("1", { result: { ...RESULT, files: [...RESULT.files, "layer"] } }));
  await settled();
  assert.ok(!buttons(row("Results")).includes("↓ layer"));
  await press("↓ flat.mp4", row("Results"));
  assert.deepEqual(saved, [["flat.mp4", new Uint8Array([7])]]);
});

test("source and result of a frame are compared with a slider, from the edited frame on", async (t) => {
  const { bridge, job, settled, press, row, root, text, key, type } = await submitted(t);
  bridge.params = { range: { start: 10, stop: 50 }, keyframes: [{ frame: 20 }] };
  bridge.tell(done(job));
  await settled();
  await press("Compare", row("Results"));
  assert.match(text(), /Compare: box\.mp4/);
  assert.equal(document.activeElement?.getAttribute("aria-label"), "Source to the left, result to the right");
  const asked = (): unknown[] => bridge.of("frame").slice(-2).map(([grant, index]) => [String(grant).split(" ")[0], index]);
  assert.deepEqual(asked(), [
    ["grant", 20],
    ["result", 10],
  ]);
  const slider = document.activeElement as HTMLInputElement;
  slider.value = "25";
  slider.dispatchEvent(new document.defaultView!.Event("input"));
  const cut = root.querySelector<HTMLElement>(".vs-compare-cut");
  assert.equal(cut?.style.width, "25%");
  assert.equal(root.querySelector<HTMLElement>(".vs-compare-source")?.style.width, "400%");
  await type("Frame", "49");
  assert.deepEqual(asked(), [
    ["grant", 49],
    ["result", 39],
  ]);
  await key(slider, "Escape");
  assert.doesNotMatch(text(), /Compare: /);
});

test("a result whose source is not known is shown alone, and that is said", async (t) => {
  const { bridge, settled, press, row, text } = await opened(t);
  bridge.tell(done("1"));
  await settled();
  await press("Compare", row("Results"));
  assert.match(text(), /only the result is shown/);
});

test("a theme that is given counts, else the program's; the language is marked", async (t) => {
  const { root } = await opened(t, { theme: "dark", language: "de" });
  assert.equal(root.firstElementChild?.className, "vs-panel vs-dark");
  assert.equal(root.firstElementChild?.getAttribute("lang"), "de");
  assert.match(shown(root), /Auf das Video übertragen/);
});

test("everything that can be pressed has a name and can be reached by Tab", async (t) => {
  const { bridge, settled, root, press } = await opened(t);
  bridge.tell(snapshot("1", { state: "running" }), done("2"));
  await press("More");
  await press("Connection");
  await settled();
  for (const element of root.querySelectorAll<HTMLElement>("button, input, select")) {
    if (element.closest(".vs-hidden") !== null) {
      continue;
    }
    const name = element.getAttribute("aria-label") ?? (element.closest("label") ?? element).textContent;
    assert.notEqual(name, "", element.outerHTML);
    assert.ok(element.tabIndex >= 0);
  }
});

test("when it is unmounted it lets go of bridge and host", async (t) => {
  const { bridge, host, panel, root, settled } = await opened(t);
  panel.unmount();
  bridge.tell(done("1"));
  host.change({ document: "x" });
  await settled();
  assert.equal(root.children.length, 0);
  assert.equal(bridge.of("stop").length, 1);
});
