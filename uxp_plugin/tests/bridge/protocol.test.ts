import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "../../src/bridge/bytes.ts";
import { fromText, packed, parsed, ProtocolError, toText } from "../../src/bridge/protocol.ts";
import { bytes, vectors } from "./vectors.ts";

const KINDS = ["chunk", "preview"] as const;

test("a header is written as the bridge writes it", () => {
  for (const { kind, owner, chunk, offset, bytes: expected } of vectors.headers) {
    const name = KINDS[kind - 1] ?? "chunk";
    assert.equal(hex(packed({ kind: name, owner, chunk, offset }, Uint8Array.of(7))), `${expected}07`);
  }
});

test("a header is read as the bridge reads it, wherever its bytes lie", () => {
  for (const { kind, owner, chunk, offset, bytes: written } of vectors.headers) {
    const message = bytes(`ffff${written}0102`).subarray(2);
    const { payload, ...header } = parsed(message);
    assert.deepEqual(header, { kind: KINDS[kind - 1], owner, chunk, offset });
    assert.equal(hex(payload), "0102");
  }
});

test("what is no chunk of this protocol is not read", () => {
  const tooFar = `${vectors.headers[0]?.bytes.slice(0, 56)}ffffffffffffffff`;
  for (const written of [...vectors.not_headers, tooFar]) {
    assert.throws(() => parsed(bytes(`${written}00`)), ProtocolError, written);
  }
  assert.throws(() => parsed(bytes(vectors.headers[0]?.bytes ?? "")), ProtocolError, "without a payload");
});

test("every message of the bridge is read", () => {
  for (const text of vectors.from_bridge) {
    assert.deepEqual(fromText(text), JSON.parse(text));
  }
});

test("a message is written in the envelope that the bridge reads", () => {
  for (const text of vectors.from_client) {
    const { type, id, data, job } = JSON.parse(text);
    assert.deepEqual(JSON.parse(toText(type, id, data, job)), JSON.parse(text));
  }
});

test("a message of a type that a newer bridge may know is passed over", () => {
  assert.equal(fromText('{"v":1,"id":"s1","type":"weather.told","data":{}}'), null);
});

test("what is no envelope is not read", () => {
  for (const text of [
    "",
    "null",
    "[]",
    "{",
    '{"v":2,"id":"s1","type":"pong","data":{}}',
    '{"v":1,"type":"pong","data":{}}',
    '{"v":1,"id":"s1","data":{}}',
    '{"v":1,"id":"s1","type":"pong"}',
    '{"v":1,"id":"s1","type":"pong","data":[]}',
    '{"v":1,"id":"s1","re":3,"type":"pong","data":{}}',
    '{"v":1,"id":"s1","type":"job.state","seq":1,"data":{}}',
  ]) {
    assert.throws(() => fromText(text), ProtocolError, text);
  }
});
