import assert from "node:assert/strict";
import { test } from "node:test";
import { hex, utf8, uuidBytes } from "../../src/bridge/bytes.ts";
import { freshBytes, freshUuid } from "../../src/bridge/fresh.ts";
import { padded, pairingCode, proof } from "../../src/bridge/proof.ts";
import { bytes, vectors } from "./vectors.ts";

const { port, challenge, nonce, instance } = vectors.handshake;
const occasion = {
  port,
  challenge: bytes(challenge),
  nonce: bytes(nonce),
  instance: uuidBytes(instance) ?? new Uint8Array(),
};

test("a proof is the one that the bridge expects", () => {
  for (const { role, key, more, proof: expected } of vectors.proofs) {
    assert.equal(hex(proof(bytes(key), role, occasion, bytes(more))), expected);
  }
});

test("the token comes out from under its pad, and its seal is proved", () => {
  const { code, token, paired } = vectors.pairing;
  const sealed = bytes(paired.token);
  assert.equal(hex(padded(sealed, proof(utf8(code), "ptk", occasion))), token);
  assert.equal(hex(proof(utf8(code), "psv", occasion, sealed)), paired.hmac);
});

test("a code is taken as it was meant", () => {
  for (const { typed, code } of vectors.codes) {
    assert.equal(pairingCode(typed), code);
  }
});

test("what cannot be a code is none", () => {
  for (const typed of ["", "7K0M3-XQ1Z", "7K0M3-XQ1ZDD", "7K0M3-XQ1ZU", "7K0M3_XQ1ZD", "7K0M3-XQ1Zß"]) {
    assert.equal(pairingCode(typed), null, typed);
  }
});

test("nonces and ids are fresh with and without a source of chance", () => {
  const none = { getRandomValues: undefined } as unknown as Pick<Crypto, "getRandomValues">;
  for (const source of [globalThis.crypto, none]) {
    const drawn = new Set(Array.from({ length: 100 }, () => hex(freshBytes(32, source))));
    assert.equal(drawn.size, 100);
    assert.ok([...drawn].every((each) => each.length === 64));
    assert.match(freshUuid(source), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});
