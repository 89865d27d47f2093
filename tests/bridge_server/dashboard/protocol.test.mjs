// The page's protocol against the golden examples that the service's own tests read too.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import test from "node:test";

import { codeKey, decode, encode, hex, parseBinary, proof, ProtocolError, unhex, unsealed } from "../../../bridge_server/dashboard/protocol.js";

globalThis.crypto ??= webcrypto; // Node.js 18 has it only under another name

const golden = JSON.parse(readFileSync(new URL("../../../bridge_server/protocol/vectors.json", import.meta.url)));
const { handshake, pairing } = golden;

for (const { role, key, more, proof: expected } of golden.proofs) {
  test(`the proof of ${role} is the golden one`, async () => {
    assert.equal(await proof(unhex(key), role, handshake, unhex(more)), expected);
  });
}

test("the token comes out of the golden pairing", async () => {
  assert.equal(await unsealed(codeKey(pairing.code), handshake, pairing.paired), pairing.token);
});

test("a bridge that does not know the code gives no token", async () => {
  const { token, hmac } = pairing.paired;
  const others = [
    { token: hmac, hmac },
    { token: token.slice(2), hmac },
    { token, hmac: token },
  ];
  for (const paired of others) {
    assert.equal(await unsealed(codeKey(pairing.code), handshake, paired), null);
  }
  assert.equal(await unsealed(codeKey("7K0M3-XQ1ZE"), handshake, pairing.paired), null);
});

for (const { typed, code } of golden.codes) {
  test(`“${typed}” is read as the code that was meant`, () => {
    assert.equal(new TextDecoder().decode(codeKey(typed)), code);
  });
}

test("what is no code is none", () => {
  for (const typed of ["", "7K0M3", "7K0M3-XQ1ZDD", "7K0M3-XQ1Z!", "7K0M3-XQ1ZU", "7K0M3-XQ1Zé"]) {
    assert.equal(codeKey(typed), null);
  }
});

const PAYLOAD = Uint8Array.of(1, 2, 3);
const binary = (header) => Uint8Array.from([...unhex(header), ...PAYLOAD]).buffer;

for (const { bytes, ...header } of golden.headers) {
  test(`the header ${bytes} is read as it was written`, () => {
    const { payload, ...read } = parseBinary(binary(bytes));
    assert.deepEqual(read, header);
    assert.equal(hex(payload), hex(PAYLOAD));
  });
}

test("what is no header, too short or too long is refused", () => {
  const long = new Uint8Array(36 + (1 << 20) + 1);
  long.set(unhex(golden.headers[0].bytes));
  const refused = [...golden.not_headers.map(binary), unhex(golden.headers[0].bytes).buffer, long.buffer];
  for (const message of refused) {
    assert.throws(() => parseBinary(message), ProtocolError);
  }
});

test("every golden message of the bridge is read", () => {
  for (const text of golden.from_bridge) {
    const { re = null, job = null, seq = null, type, id, data } = JSON.parse(text);
    assert.deepEqual(decode(text), { re, job, seq, type, id, data });
  }
});

test("what is no envelope is refused", () => {
  const texts = ["", "null", "[]", "1", '{"v":2,"type":"pong","id":"1","data":{}}', '{"v":1,"type":"pong","id":"1"}'];
  for (const text of [...texts, '{"v":1,"type":"pong","id":"1","data":[]}', '{"v":1,"type":7,"id":"1","data":{}}']) {
    assert.throws(() => decode(text), ProtocolError);
  }
});

test("messages are written as the golden ones", () => {
  for (const text of golden.from_client) {
    const { type, id, job, data } = JSON.parse(text);
    assert.deepEqual(JSON.parse(encode({ type, id, job, data })), JSON.parse(text));
  }
});
