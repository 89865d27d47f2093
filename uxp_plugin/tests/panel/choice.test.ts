import assert from "node:assert/strict";
import { test } from "node:test";
import { choiceOf, chosen, DEFAULT, objection, presetsOf, withPreset } from "../../src/panel/choice.ts";

test("what was not touched is left to the method", () => {
  assert.deepEqual(chosen(DEFAULT), {
    range: { start: 0, stop: null },
    method: "flow",
    formats: ["mov", "mp4"],
    settings: {},
    seed: 0,
  });
});

test("a range that the person sees includes its last frame; the bridge's does not", () => {
  assert.deepEqual(chosen({ ...DEFAULT, range: { first: 3, last: 9 } }).range, { start: 3, stop: 10 });
});

test("each method is told its own settings and no other's", () => {
  const choice = { ...DEFAULT, strength: 0.4, guidance: 3, transfer: "opaque", seed: 7 } as const;
  assert.deepEqual(chosen(choice).settings, { transfer: "opaque" });
  const full = chosen({ ...choice, method: "videoshop" });
  assert.deepEqual(full.settings, { strength: "0.4", guidance_first: "3", guidance_last: "3" });
  assert.equal(full.seed, 7);
});

for (const [name, changes, frame, key] of [
  ["an edited frame behind the end", {}, 40, "why.frame"],
  ["an empty range", { range: { first: 9, last: 8 } }, null, "why.range"],
  ["a range over the end", { range: { first: 0, last: 40 } }, null, "why.range"],
  ["a range that is no number", { range: { first: NaN, last: 8 } }, null, "why.range"],
  ["a range without the edited frame", { range: { first: 0, last: 8 } }, 20, "why.outside"],
  ["a strength of nothing", { method: "videoshop", strength: 0 }, null, "why.strength"],
  ["a guidance that is no number", { method: "videoshop", guidance: NaN }, null, "why.guidance"],
  ["a seed with a fraction", { method: "videoshop", seed: 0.5 }, null, "why.seed"],
  ["no file at all", { formats: [] }, null, "why.formats"],
] as const) {
  test(`${name} is objected to`, () => {
    assert.equal(objection({ ...DEFAULT, ...changes }, 40, frame)?.key, key);
  });
}

test("what another method would be told is not objected to", () => {
  assert.equal(objection({ ...DEFAULT, strength: NaN, seed: -1 }, 40, 20), null);
});

test("a preset of the same name is replaced, and a range is not kept with it", () => {
  const once = withPreset([], { name: "b", choice: { ...DEFAULT, range: { first: 1, last: 2 } } });
  const twice = withPreset(withPreset(once, { name: "a", choice: DEFAULT }), { name: "b", choice: { ...DEFAULT, seed: 5 } });
  assert.deepEqual(
    twice.map(({ name, choice }) => [name, choice.seed, choice.range]),
    [
      ["a", 0, null],
      ["b", 5, null],
    ],
  );
});

test("what was kept by another version is taken as far as it is allowed", () => {
  const choice = choiceOf({ method: "magic", formats: ["png", "gif"], strength: "big", transfer: "removal", seed: 3 });
  assert.deepEqual(choice, { ...DEFAULT, formats: ["png"], transfer: "removal", seed: 3 });
  assert.deepEqual(presetsOf([{ name: "x", choice: null }, 5, { choice: {} }]), [{ name: "x", choice: DEFAULT }]);
  assert.deepEqual(presetsOf("what"), []);
});
