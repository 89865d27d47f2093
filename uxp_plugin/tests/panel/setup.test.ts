import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Part, Work } from "../../src/bridge/generated.ts";
import { reduce, START } from "../../src/panel/model.ts";
import type { Event, Model } from "../../src/panel/model.ts";
import { lackOf, offerOf, wholeOf } from "../../src/panel/setup.ts";
import type { Lack } from "../../src/panel/setup.ts";
import { CONNECTED, fault, FakeBridge, FakeHost, KeptSettings, LICENCE, setup, snapshot } from "./fakes.ts";
import { opened, shown, type Opening, type Scenery } from "./page.ts";

const READY: Partial<Part> = { state: "ready", removable: true };
const ELSEWHERE: Partial<Part> = { state: "elsewhere" };
const HERE_IS_NO_PANEL = { "photoshop": ELSEWHERE, "after-effects": ELSEWHERE, "script": ELSEWHERE };

function work(part: string, more: Partial<Work> = {}): Work {
  return { part, doing: "install", phase: "fetch", done: 0, total: 0, unit: "bytes", note: null, ...more };
}

type Changes = Parameters<typeof setup>;

// What follows from how it stands

const LACKS: readonly (readonly [Lack | null, ...Required<Changes>])[] = [
  ["both", {}, {}],
  ["engine", { svd: READY }, {}],
  ["model", { engine: READY }, {}],
  [null, { "engine": READY, "svd-xt": READY }, {}],
  ["elsewhere", { engine: ELSEWHERE, svd: READY }, {}],
  ["coming", {}, { work: work("engine"), waiting: ["svd-xt"] }],
  ["coming", { engine: READY }, { work: work("svd") }],
  ["model", {}, { work: work("engine") }],
  ["engine", { engine: { state: "damaged" }, svd: READY }, {}],
];

for (const [lack, changes, more] of LACKS) {
  test(`the method lacks ${lack ?? "nothing"} with ${JSON.stringify({ ...changes, ...more })}`, () => {
    assert.equal(lackOf(setup(changes, more)), lack);
  });
}

test("the whole method is its environment and the first model, as long as nothing of it is there or on its way", () => {
  assert.deepEqual(wholeOf(setup()).map(({ part }) => part), ["engine", "svd"]);
  for (const told of [setup({ engine: READY }), setup({ "svd-xt": READY }), setup({}, { work: work("engine") })]) {
    assert.deepEqual(wholeOf(told), []);
  }
});

test("a part is offered as it stands, and not at all while something is done to it", () => {
  const offers = (["absent", "begun", "outdated", "damaged", "ready", "elsewhere"] as const).map((state) => {
    const told = setup({ engine: { state } });
    return told.parts.filter(({ part }) => part === "engine").map((part) => offerOf(told, part))[0];
  });
  assert.deepEqual(offers, ["install", "continue", "update", "repair", null, null]);
  const [photoshop] = setup().parts;
  assert.ok(photoshop !== undefined);
  assert.equal(offerOf(setup({}, { waiting: ["photoshop"] }), photoshop), null);
});

const after = (...events: readonly Event[]): Model => events.reduce(reduce, START);

test("a licence is asked for as long as what it is for can be installed", () => {
  const asked = after({ type: "setup told", told: setup() }, { type: "setup", changes: { agreeing: ["engine", "svd"] } });
  assert.deepEqual(reduce(asked, { type: "setup told", told: setup() }).setup.agreeing, ["engine", "svd"]);
  const begun = reduce(asked, { type: "setup told", told: setup({}, { work: work("engine") }) });
  assert.deepEqual(begun.setup.agreeing, []);
});

test("a pairing code is forgotten with the connection", () => {
  const known = after({ type: "link", link: CONNECTED }, { type: "setup", changes: { code: { code: "ABCDE-12345", until: 9 } } });
  assert.equal(reduce(known, { type: "link", link: CONNECTED }).setup.code, known.setup.code);
  assert.equal(reduce(known, { type: "link", link: { state: "connecting" } }).setup.code, null);
});

// When it is asked

async function chooseFull({ root, settled }: Scenery): Promise<void> {
  Array.from(root.querySelectorAll<HTMLInputElement>("[type=radio]"))
    .find(({ value }) => value === "videoshop")
    ?.click();
  await settled();
}

test("the bridge is asked only when somebody opens the section, and only once", async (t) => {
  const { bridge, press, text, root } = await opened(t);
  assert.deepEqual(bridge.of("watchSetup"), []);
  assert.equal(root.querySelector(".vs-setup .vs-toggle")?.getAttribute("aria-expanded"), "false");
  await press("Set up");
  assert.match(text(), /Looking at what is installed\./);
  assert.equal(root.querySelector(".vs-setup .vs-toggle")?.getAttribute("aria-expanded"), "true");
  await press("Set up");
  await press("Set up");
  assert.equal(bridge.of("watchSetup").length, 1);
});

test("or when the method is chosen, now or when the panel was open last", async (t) => {
  const settings = new KeptSettings();
  const first = await opened(t, { host: new FakeHost(settings) });
  await chooseFull(first);
  assert.equal(first.bridge.of("watchSetup").length, 1);
  first.panel.unmount();
  const { bridge } = await opened(t, { host: new FakeHost(settings) });
  assert.equal(bridge.of("watchSetup").length, 1);
});

test("it is asked again when the bridge is back, and what was known stays meanwhile", async (t) => {
  const { bridge, press, settled, button, text } = await told(t);
  bridge.say({ state: "waiting", trouble: "not_running", detail: "", seconds: 5 });
  await settled();
  assert.match(text(), /Photoshop Not installed/);
  assert.ok(button("Install").disabled);
  assert.ok(button("Code for a panel").disabled);
  bridge.say(CONNECTED);
  await settled();
  assert.equal(bridge.of("watchSetup").length, 2);
  await press("Install");
  assert.deepEqual(bridge.of("setUp"), [["photoshop", false, null]]);
});

test("a bridge that cannot tell is said with its reason, and asked again", async (t) => {
  const bridge = new FakeBridge();
  bridge.refuses.set("watchSetup", fault("message.unknown_type", "There is no such message.", "Update the bridge."));
  const { press, text } = await opened(t, { bridge });
  await press("Set up");
  assert.match(text(), /There is no such message\. Update the bridge\. Code message\.unknown_type/);
  assert.doesNotMatch(text(), /Looking at what/);
  bridge.refuses.clear();
  await press("Try now");
  assert.equal(bridge.of("watchSetup").length, 2);
  assert.doesNotMatch(text(), /There is no such message/);
});

test("a page that was opened for the setup has it open and focused, before there is a connection", async (t) => {
  const { bridge, text, settled } = await opened(t, { setup: true, connected: false });
  assert.equal(document.activeElement?.textContent, "Set up");
  assert.match(text(), /What is installed is told here as soon as the bridge is connected\./);
  assert.deepEqual(bridge.of("watchSetup"), []);
  bridge.say(CONNECTED);
  await settled();
  assert.equal(bridge.of("watchSetup").length, 1);
});

// What is shown

/** A panel whose setup is open and told. */
async function told(t: TestContext, [changes, more]: Changes = [], opening: Opening = {}): Promise<Scenery> {
  const scenery = await opened(t, opening);
  await scenery.press(opening.language === "de" ? "Einrichten" : "Set up");
  scenery.bridge.tellSetup(setup(changes, more));
  await scenery.settled();
  return scenery;
}

function buttons(row: Element): string[] {
  return Array.from(row.querySelectorAll("button"))
    .filter((one) => one.closest(".vs-hidden") === null)
    .map((one) => one.getAttribute("aria-label") ?? one.textContent ?? "");
}

test("each part is told with how it stands, what is left to do, and what can be done", async (t) => {
  const { row } = await told(t, [
    {
      "photoshop": { ...READY, todo: ["Start Photoshop again.", "Choose Plugins > Videoshop."] },
      "after-effects": { state: "outdated", removable: true },
      "engine": { state: "begun" },
      "svd": READY,
      "svd-xt": { state: "damaged" },
    },
  ]);
  assert.equal(shown(row("Panels", 0)), "Photoshop Installed Remove Start Photoshop again. Choose Plugins > Videoshop.");
  assert.equal(shown(row("Panels", 1)), "After Effects An older version is installed Update Remove");
  assert.equal(shown(row("Panels", 2)), "After Effects (script) Not installed Install");
  const engine = "Environment Stopped; goes on where it was NVIDIA RTX 4070, driver 570 · about 7.6 GB Continue";
  assert.equal(shown(row("Diffusion method", 0)), engine);
  assert.equal(shown(row("Diffusion method", 1)), "Model svd Installed 4.5 GB Remove");
  assert.equal(shown(row("Diffusion method", 2)), "Model svd-xt Damaged about 4.5 GB Repair");
  assert.deepEqual(buttons(row("Panels", 1)), ["Update: After Effects", "Remove: After Effects"]);
});

test("where Adobe's programs do not run that is one sentence, and a code is to be had all the same", async (t) => {
  const { text, button, row } = await told(t, [HERE_IS_NO_PANEL]);
  assert.match(text(), /Photoshop and After Effects run on Windows and macOS/);
  assert.doesNotMatch(text(), /After Effects \(script\)/);
  assert.ok(!button("Code for a panel").disabled);
  assert.match(shown(row("Diffusion method", 0)), /Environment Not installed/);
});

test("a part that only a newer bridge knows is called as the bridge calls it", async (t) => {
  const { bridge, settled, row } = await told(t);
  const state = setup();
  bridge.tellSetup({ ...state, parts: state.parts.map((one) => (one.part === "script" ? { ...one, part: "krita" } : one)) });
  await settled();
  assert.match(shown(row("Panels", 2)), /^krita Not installed/);
});

for (const [phase, words, done, said] of [
  ["fetch", "Downloading", { done: 1.2e9, total: 3.1e9, note: "torch" }, "1.2 GB of 3.1 GB · torch"],
  ["install", "Installing", { done: 12, total: 40, unit: "packages" }, "12 of 40 packages"],
  ["prepare", "Preparing", {}, ""],
  ["verify", "Checking", { done: 1e6, total: 2e6 }, "1 MB of 2 MB"],
  ["try", "Trying it out", {}, ""],
] as const) {
  test(`while it is at “${phase}” that is said, with how far it is`, async (t) => {
    const { row } = await told(t, [{}, { work: work("engine", { phase, ...done }) }]);
    const engine = row("Diffusion method", 0);
    assert.ok(shown(engine).startsWith(`Environment ${words} NVIDIA`), shown(engine));
    assert.ok(shown(engine).endsWith(said));
    assert.deepEqual(buttons(engine), ["Stop: Environment"]);
    const bar = engine.querySelector("progress");
    assert.equal(bar?.getAttribute("aria-label"), "Progress of Environment");
    const counted = "total" in done ? [done.done, done.total] : [null, null];
    assert.deepEqual([bar?.hasAttribute("value") === true ? bar.value : null, counted[1] === null ? null : bar?.max], counted);
  });
}

test("what is at work and what waits can be stopped", async (t) => {
  const { bridge, row, press } = await told(t, [{}, { work: work("engine", { doing: "remove" }), waiting: ["svd"] }]);
  assert.match(shown(row("Diffusion method", 0)), /Environment Removing/);
  assert.match(shown(row("Diffusion method", 1)), /Model svd Waits for its turn about 4\.5 GB Stop/);
  await press("Stop", row("Diffusion method", 0));
  await press("Stop", row("Diffusion method", 1));
  assert.deepEqual(bridge.of("stopSetUp"), [["engine"], ["svd"]]);
});

test("what a part is at is read aloud when it changes, and not each percent", async (t) => {
  const { bridge, root, settled } = await told(t, [{}, { work: work("engine", { done: 1, total: 9 }) }]);
  const news = root.querySelector(".vs-setup [role=status][aria-live=polite]");
  assert.equal(news?.textContent, "");
  bridge.tellSetup(setup({}, { work: work("engine", { done: 5, total: 9 }) }));
  await settled();
  assert.equal(news?.textContent, "");
  bridge.tellSetup(setup({}, { work: work("engine", { phase: "install" }) }));
  await settled();
  assert.equal(news?.textContent, "Environment: Installing.");
  bridge.tellSetup(setup({ engine: READY }, { work: work("svd") }));
  await settled();
  assert.equal(news?.textContent, "Environment: Installed. Model svd: Downloading.");
});

test("while the section is closed what is under way is one line", async (t) => {
  const { press, root, text } = await told(t, [{}, { work: work("svd") }]);
  await press("Set up");
  assert.match(text(), /Model svd: Downloading\./);
  assert.doesNotMatch(shown(root.querySelector(".vs-setup") ?? root), /Photoshop/);
});

// What is asked for

test("a part without a licence is installed at once, and not twice when it is pressed twice", async (t) => {
  const { bridge, button, settled, row } = await told(t);
  const install = button("Install", row("Panels", 0));
  install.click();
  install.click();
  await settled();
  assert.deepEqual(bridge.of("setUp"), [["photoshop", false, null]]);
});

test("a model is installed only after its licence was shown and agreed to", async (t) => {
  const { bridge, row, press, text } = await told(t, [{ engine: READY }]);
  const model = row("Diffusion method", 1);
  await press("Install", model);
  assert.deepEqual(bridge.of("setUp"), []);
  assert.match(shown(model), /Licence: A Licence Free below a revenue\. More, and the text that binds I agree and install Not now/);
  await press("Not now", model);
  assert.doesNotMatch(text(), /I agree/);
  assert.deepEqual(bridge.of("setUp"), []);
  await press("Install", model);
  await press("I agree and install", model);
  assert.deepEqual(bridge.of("setUp"), [["svd", true, null]]);
});

test("a model that the hub gives to accounts alone asks for the person's token, which goes with it once", async (t) => {
  const words = { message: "The hub does not hand out the model to you.", hint: "Accept its terms there." };
  const closed = { code: "weights.not_accepted", ...words, retryable: false, ref: null };
  const { bridge, row, press, field, settled } = await told(t, [{ engine: READY, svd: { error: closed } }]);
  const model = row("Diffusion method", 1);
  field("Token of your account at the models' hub").value = " hf_secret ";
  await press("Install", model);
  assert.doesNotMatch(model.outerHTML, /hf_secret/);
  await press("I agree and install", model);
  assert.deepEqual(bridge.of("setUp"), [["svd", true, "hf_secret"]]);
  bridge.tellSetup(setup({ engine: READY }));
  await settled();
  await press("Install", model);
  await press("I agree and install", model);
  assert.deepEqual(bridge.of("setUp")[1], ["svd", true, null]);
});

test("the licence's address is a link where one opens beside the panel, else a field to copy from; nothing else is one", async (t) => {
  const first = await told(t, [], { links: true });
  await first.press("Install", first.row("Diffusion method", 1));
  const link = first.root.querySelector("a");
  assert.deepEqual([link?.getAttribute("href"), link?.target, link?.rel], [LICENCE.terms, "_blank", "noopener noreferrer"]);
  first.bridge.tellSetup(setup({ "svd-xt": { licence: { ...LICENCE, terms: "javascript:alert(1)" } } }));
  await first.settled();
  await first.press("Install", first.row("Diffusion method", 2));
  assert.deepEqual(Array.from(first.row("Diffusion method", 2).querySelectorAll("a"), ({ href }) => href), [""]);

  const { root, press, row, field } = await told(t);
  await press("Install", row("Diffusion method", 1));
  assert.equal(root.querySelector("a"), null);
  assert.deepEqual([field("More, and the text that binds").value, field("More, and the text that binds").readOnly], [LICENCE.terms, true]);
});

test("Escape says no to the licence first, then closes the section", async (t) => {
  const { bridge, row, press, key, text, root } = await told(t);
  await press("Install", row("Diffusion method", 1));
  await key(root.querySelector(".vs-setup") ?? root, "Escape");
  assert.doesNotMatch(text(), /I agree/);
  assert.match(text(), /Diffusion method/);
  await key(root.querySelector(".vs-setup") ?? root, "Escape");
  assert.doesNotMatch(text(), /Diffusion method/);
  assert.deepEqual(bridge.of("setUp"), []);
});

test("the focus goes from Install to the licence's address, and back, and on to Stop", async (t) => {
  const { bridge, row, press, button, settled } = await told(t);
  const model = row("Diffusion method", 1);
  button("Install", model).focus();
  await press("Install", model);
  assert.equal(document.activeElement, model.querySelector("input[readonly]"));
  button("Not now", model).focus();
  await press("Not now", model);
  assert.equal(document.activeElement, button("Install", model));
  bridge.tellSetup(setup({}, { work: work("svd") }));
  await settled();
  assert.equal(document.activeElement, button("Stop", model));
});

test("the focus goes from what installs the whole method to the Stop of its first part", async (t) => {
  const { bridge, row, press, button, root, settled } = await told(t, [], { links: true });
  button("Install all of it").focus();
  await press("Install all of it");
  assert.equal(document.activeElement, root.querySelector("a"));
  button("I agree and install").focus();
  await press("I agree and install");
  bridge.tellSetup(setup({}, { work: work("engine"), waiting: ["svd"] }));
  await settled();
  assert.equal(document.activeElement, button("Stop", row("Diffusion method", 0)));
});

test("one button installs the whole method: the environment, then the model whose licence is agreed to", async (t) => {
  const { bridge, press, text, settled } = await told(t);
  assert.match(text(), /Install all of it Environment \+ Model svd: about 12\.1 GB\./);
  await press("Install all of it");
  assert.match(text(), /Licence: A Licence Free below a revenue\./);
  assert.deepEqual(bridge.of("setUp"), []);
  await press("I agree and install");
  assert.deepEqual(bridge.of("setUp"), [
    ["engine", false, null],
    ["svd", true, null],
  ]);
  bridge.tellSetup(setup({}, { work: work("engine"), waiting: ["svd"] }));
  await settled();
  assert.doesNotMatch(text(), /Install all of it/);
});

test("of the whole method nothing more is asked for when its environment is refused", async (t) => {
  const { bridge, press, row } = await told(t);
  bridge.refuses.set("setUp", fault("engine.in_use", "A job runs.", "Wait for it."));
  await press("Install all of it");
  await press("I agree and install");
  assert.deepEqual(bridge.of("setUp"), [["engine", false, null]]);
  assert.match(shown(row("Diffusion method", 0)), /A job runs\. Wait for it\. Code engine\.in_use/);
});

test("a part is removed only when that is pressed twice", async (t) => {
  const { bridge, row, press, button, settled } = await told(t, [{ svd: READY }]);
  const model = row("Diffusion method", 1);
  await press("Remove", model);
  assert.deepEqual(bridge.of("takeAway"), []);
  button("Delete its files?", model).dispatchEvent(new document.defaultView!.Event("blur"));
  await settled();
  await press("Remove", model);
  await press("Delete its files?", model);
  assert.deepEqual(bridge.of("takeAway"), [["svd"]]);
});

test("the second half of a double click neither stops what the first installs, nor removes what it asks about", async (t) => {
  const { bridge, row, button, settled } = await told(t, [{ photoshop: READY }, { work: work("engine") }]);
  const again = (name: string, within: Element): void => {
    const { MouseEvent } = document.defaultView!;
    button(name, within).dispatchEvent(new MouseEvent("click", { detail: 2, bubbles: true }));
  };
  again("Stop", row("Diffusion method", 0));
  button("Remove", row("Panels", 0)).click();
  await settled();
  again("Delete its files?", row("Panels", 0));
  await settled();
  assert.deepEqual([bridge.of("stopSetUp"), bridge.of("takeAway")], [[], []]);
});

test("what failed is said at its part with hint and code, in the panel's language, until it is tried again", async (t) => {
  const error = { code: "engine.offline", message: "It broke.", hint: "Run it again.", retryable: true, ref: null };
  const { bridge, row, settled } = await told(t, [{ engine: { state: "begun", error } }], { language: "de" });
  const engine = row("Diffusionsmethode", 0);
  assert.match(shown(engine), /Ein Paket konnte nicht heruntergeladen werden\..+Code engine\.offline/);
  assert.deepEqual(buttons(engine), ["Fortsetzen: Umgebung"]);
  bridge.tellSetup(setup({ engine: { state: "begun", error } }, { work: work("engine") }));
  await settled();
  assert.doesNotMatch(shown(engine), /Ein Paket konnte nicht/);
});

// A code for another panel

test("a code for another panel is shown with how long it is good", async (t) => {
  let at = 1000;
  const { bridge, press, text, settled } = await told(t, [], { now: () => at });
  await press("Code for a panel");
  assert.match(text(), /ABCDE-12345 Type it into the panel that asks for it\. It lets one panel in, within the next 5 min\./);
  at = 1270;
  bridge.tellSetup(setup());
  await settled();
  assert.match(text(), /within the next 30 s\./);
  at = 1301;
  bridge.tellSetup(setup());
  await settled();
  assert.doesNotMatch(text(), /ABCDE-12345/);
  assert.match(text(), /The code is not good any more/);
});

test("a code that is refused is said", async (t) => {
  const { bridge, press, text } = await told(t);
  bridge.refuses.set("pairingCode", fault("bridge.busy", "Not now.", "Try again."));
  await press("Code for a panel");
  assert.match(text(), /Not now\. Try again\. Code bridge\.busy/);
});

// Where something is missing

test("a method that is chosen and lacks something says what, and leads to the setup", async (t) => {
  const scenery = await opened(t);
  const { bridge, settled, press, root, text } = scenery;
  await chooseFull(scenery);
  const choices = (): string => shown(root.querySelector(".vs-choices") ?? root);
  assert.doesNotMatch(choices(), /Set up/);
  bridge.tellSetup(setup());
  await settled();
  assert.match(choices(), /Its environment and its model are not installed yet\. Set up…/);
  await press("Set up…");
  assert.match(text(), /Diffusion method/);
  assert.equal(document.activeElement?.textContent, "Set up");
  bridge.tellSetup(setup({ engine: READY, svd: READY }));
  await settled();
  assert.doesNotMatch(choices(), /Set up…/);
});

test("a section that is open already is brought back into view", async (t) => {
  const scenery = await told(t);
  await chooseFull(scenery);
  scenery.field("Full").focus();
  await scenery.press("Set up…");
  assert.equal(document.activeElement?.textContent, "Set up");
});

for (const code of ["settings.method_unavailable", "engine.not_installed", "weights.not_installed", "weights.incomplete"]) {
  test(`“${code}” leads to the setup instead of to a command: as a refusal, as an estimate, and of a job`, async (t) => {
    const scenery = await opened(t);
    const { bridge, press, root, row, settled } = scenery;
    const refusal = fault(code, "It is missing.", "Run `videoshop fetch`.");
    bridge.refuses.set("estimate", refusal);
    await press("Propagate to video");
    const part = (): string => shown(root.querySelector(".vs-propagate") ?? root);
    assert.match(part(), /It is missing\. Install what is missing with the button.+Set up… Close/);

    bridge.refuses.clear();
    await press("Estimate first");
    bridge.refuses.set("estimate", refusal);
    await chooseFull(scenery);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await settled();
    assert.match(part(), /No estimate: It is missing\. Install what is missing with the button.+Set up…/);

    bridge.tell(snapshot("1", { state: "failed", error: refusal.fault }));
    await settled();
    assert.match(shown(row("Results")), /It is missing\. Install what is missing.+Set up…/);
    assert.doesNotMatch(scenery.text(), /videoshop fetch/);
    await press("Set up…", row("Results"));
    assert.equal(document.activeElement?.textContent, "Set up");
  });
}

test("other refusals keep their own hint, and lead nowhere", async (t) => {
  const { bridge, press, root } = await opened(t);
  bridge.refuses.set("estimate", fault("resource.memory_full", "It is full.", "Close programs."));
  await press("Propagate to video");
  assert.match(shown(root.querySelector(".vs-propagate") ?? root), /It is full\. Close programs\. Code resource\.memory_full Close/);
});

test("everything of the setup that can be pressed has a name and can be reached by Tab", async (t) => {
  const { root, press, row } = await told(t, [{ photoshop: READY }, { work: work("engine") }], { links: true });
  await press("Install", row("Diffusion method", 1));
  await press("Code for a panel");
  const reached = Array.from(root.querySelectorAll<HTMLElement>(".vs-setup button, .vs-setup a, .vs-setup input")).filter(
    (one) => one.closest(".vs-hidden") === null,
  );
  assert.ok(reached.length >= 8);
  for (const element of reached) {
    assert.notEqual(element.getAttribute("aria-label") ?? element.textContent, "", element.outerHTML);
    assert.ok(element.tabIndex >= 0);
  }
});
