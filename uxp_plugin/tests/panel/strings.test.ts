import assert from "node:assert/strict";
import { test } from "node:test";
import { languageOf, speaker, TABLES, translated } from "../../src/panel/strings.ts";

const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "").sort();

test("both languages say the same things", () => {
  assert.deepEqual(Object.keys(TABLES.de).sort(), Object.keys(TABLES.en).sort());
});

test("both languages fill in the same places", () => {
  for (const [key, text] of Object.entries(TABLES.en)) {
    assert.deepEqual(placeholders(TABLES.de[key as keyof typeof TABLES.de]), placeholders(text), key);
  }
});

test("no sentence is empty", () => {
  assert.ok([...Object.values(TABLES.en), ...Object.values(TABLES.de)].every((text) => text.trim() !== ""));
});

test("a wish for Swiss German is German, and what has no table is English", () => {
  assert.equal(languageOf("de-CH"), "de");
  assert.equal(languageOf("fr"), "en");
  assert.equal(speaker("de")("link.again", { seconds: 5 }), "Neuer Versuch in 5 s.");
});

test("a fault is told in the panel's language where its code has one, else as it came", () => {
  const known = { code: "grant.missing", message: "The clip is gone.", hint: "Put it back." };
  assert.equal(translated(known, "de").message, "Der Clip ist nicht mehr da.");
  assert.deepEqual(translated(known, "en"), known);
  const other = { ...known, code: "clip.odd" };
  assert.deepEqual(translated(other, "de"), other);
});
