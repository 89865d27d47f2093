/** Proofs of the token and of a pairing code (PROTOCOL.md, “Handshake”, “Pairing”). */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { joined, utf8 } from "./bytes.ts";

/** Who proves what: client and service the token, client and service the code; the pad that hides the token. */
export type Role = "cli" | "srv" | "pcl" | "psv" | "ptk";

/** What a proof is bound to: the dialled port, 32 bytes of the bridge, 32 of ours, the bridge's 16-byte instance. */
export interface Occasion {
  readonly port: number;
  readonly challenge: Uint8Array;
  readonly nonce: Uint8Array;
  readonly instance: Uint8Array;
}

export function proof(key: Uint8Array, role: Role, occasion: Occasion, more: Uint8Array = new Uint8Array()): Uint8Array {
  const { port, challenge, nonce, instance } = occasion;
  const dialled = Uint8Array.of(port >> 8, port & 0xff);
  return hmac(sha256, key, joined(utf8(role), dialled, challenge, nonce, instance, more));
}

/** The token under its pad, or from under it. */
export function padded(token: Uint8Array, pad: Uint8Array): Uint8Array {
  return token.map((byte, index) => byte ^ (pad[index] ?? 0));
}

/** A pairing code as it was typed, in the form that is proved; null when it is none. */
export function pairingCode(typed: string): string | null {
  const code = typed.toUpperCase().replace(/[-\s]/g, "").replace(/[IL]/g, "1").replace(/O/g, "0");
  return /^[0-9A-HJKMNP-TV-Z]{10}$/.test(code) ? code : null;
}
