/** The protocol's examples, which the tests of every side read. */

import { readFileSync } from "node:fs";
import { unhex } from "../../src/bridge/bytes.ts";
import type { Role } from "../../src/bridge/proof.ts";

interface Vectors {
  handshake: { port: number; challenge: string; nonce: string; instance: string };
  proofs: { role: Role; key: string; more: string; proof: string }[];
  pairing: { code: string; token: string; paired: { token: string; hmac: string } };
  codes: { typed: string; code: string }[];
  hashes: { params: unknown; hash: string }[];
  headers: { kind: number; owner: string; chunk: number; offset: number; bytes: string }[];
  not_headers: string[];
  from_client: string[];
  from_bridge: string[];
}

const FILE = new URL("../../../bridge_server/protocol/vectors.json", import.meta.url);

export const vectors: Vectors = JSON.parse(readFileSync(FILE, "utf8"));

export function bytes(digits: string): Uint8Array {
  const read = unhex(digits, digits.length / 2);
  if (read === null) {
    throw new RangeError(`“${digits}” are no hexadecimal digits.`);
  }
  return read;
}
