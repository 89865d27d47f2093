/** Values that nobody had before: nonces and UUIDs. */

import { sha256 } from "@noble/hashes/sha2.js";
import { uuidText, utf8 } from "./bytes.ts";

let drawn = 0;

/**
 * Up to 32 bytes. Where there is no `crypto.getRandomValues` (Photoshop before UXP 8), a hash of the time, a counter and
 * Math.random: enough here, since a nonce need only be fresh (the secrets are the token and the pairing code, which the
 * bridge draws) and an id need only be nobody else's.
 */
export function freshBytes(length: number, source: Pick<Crypto, "getRandomValues"> | undefined = globalThis.crypto): Uint8Array {
  if (source !== undefined && typeof source.getRandomValues === "function") {
    return source.getRandomValues(new Uint8Array(length));
  }
  drawn += 1;
  const chance = Array.from({ length: 8 }, () => Math.random()).join();
  return sha256(utf8(`${Date.now()} ${drawn} ${chance}`)).slice(0, length);
}

/** A random UUID (version 4). */
export function freshUuid(source: Pick<Crypto, "getRandomValues"> | undefined = globalThis.crypto): string {
  const bytes = freshBytes(16, source);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return uuidText(bytes);
}
