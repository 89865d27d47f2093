import assert from "node:assert/strict";
import { test } from "node:test";
import { hex, utf8 } from "../../src/bridge/bytes.ts";
import { canonical, paramsHash } from "../../src/bridge/canonical.ts";
import { vectors } from "./vectors.ts";

test("parameters have the hash that the bridge finds", () => {
  for (const { params, hash } of vectors.hashes) {
    assert.equal(paramsHash(params), hash, JSON.stringify(params));
  }
});

test("members stand in the order of code points, at every level", () => {
  assert.equal(canonical({ b: [{ z: 1, a: -0 }], a: null }), '{"a":null,"b":[{"a":0,"z":1}]}');
});

test("what has no canonical form is refused", () => {
  for (const value of [1.5, NaN, Infinity, 2 ** 53, undefined, () => 1, { a: undefined }, [Symbol("s")]]) {
    assert.throws(() => canonical(value), RangeError);
  }
});

test("UTF-8 is that of the system's own encoder", () => {
  const text = "a é シ 🎬 \u0000 \uffff";
  assert.equal(hex(utf8(text)), hex(new TextEncoder().encode(text)));
  assert.equal(hex(utf8("\ud83c")), "eda0bc");
});
