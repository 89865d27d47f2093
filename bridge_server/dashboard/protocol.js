// The bridge's protocol (PROTOCOL.md): envelopes, binary headers, proofs. Pure: no socket, no page, no clock.

export const VERSION = 1;
export const CHUNK = 1;
export const PREVIEW = 2;

const MAGIC = 0x56534231; // "VSB1"
const HEADER_BYTES = 36;
const PAYLOAD_BYTES = 1 << 20;

/** What the bridge said is not as PROTOCOL.md has it. */
export class ProtocolError extends Error {}

// Text messages

/** A message as JSON text; `job` is left out where it is undefined. */
export function encode({ type, id, job, data = {} }) {
  return JSON.stringify({ v: VERSION, type, id, job, data });
}

/** The envelope of a text: {type, id, re, job, seq, data}. Throws ProtocolError. */
export function decode(text) {
  let envelope;
  try {
    envelope = JSON.parse(text);
  } catch {
    throw new ProtocolError("It is not JSON.");
  }
  const { v, type, id, re = null, job = null, seq = null, data } = envelope ?? {};
  if (v !== VERSION || typeof type !== "string" || typeof id !== "string" || !isObject(data)) {
    throw new ProtocolError("It is no envelope.");
  }
  return { type, id, re, job, seq, data };
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// Binary messages

/** {kind, owner, chunk, offset, payload} of a binary message, an ArrayBuffer. Throws ProtocolError. */
export function parseBinary(buffer) {
  if (buffer.byteLength <= HEADER_BYTES || buffer.byteLength > HEADER_BYTES + PAYLOAD_BYTES) {
    throw new ProtocolError(`A binary message has ${buffer.byteLength} bytes.`);
  }
  const view = new DataView(buffer);
  const kind = view.getUint8(4);
  const offset = view.getBigUint64(28);
  const known = kind === CHUNK || kind === PREVIEW;
  const zeros = view.getUint8(5) === 0 && view.getUint16(6) === 0;
  if (view.getUint32(0) !== MAGIC || !known || !zeros || offset > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ProtocolError("A binary message has an unknown header.");
  }
  return {
    kind,
    owner: uuidText(new Uint8Array(buffer, 8, 16)),
    chunk: view.getUint32(24),
    offset: Number(offset),
    payload: new Uint8Array(buffer, HEADER_BYTES),
  };
}

// Bytes as text

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes of an even number of hexadecimal digits. Throws ProtocolError. */
export function unhex(text) {
  if (typeof text !== "string" || !/^(?:[0-9a-f]{2})*$/.test(text)) {
    throw new ProtocolError("They are no hexadecimal digits.");
  }
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function uuidBytes(uuid) {
  return unhex(uuid.replaceAll("-", ""));
}

function uuidText(bytes) {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// Proofs

/** What makes a handshake this one: {port, challenge, nonce, instance}, challenge and nonce as hexadecimal digits. */
function said(role, { port, challenge, nonce, instance }, more) {
  const ascii = new TextEncoder().encode(role);
  return joined([ascii, [port >> 8, port & 255], unhex(challenge), unhex(nonce), uuidBytes(instance), more]);
}

/** HMAC-SHA256 under the bytes `key` of role ‖ port ‖ challenge ‖ nonce ‖ instance ‖ more, as hexadecimal digits. */
export async function proof(key, role, handshake, more = new Uint8Array()) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return hex(new Uint8Array(await crypto.subtle.sign("HMAC", imported, said(role, handshake, more))));
}

/** The 10 ASCII bytes of a pairing code as a person types it, or null if it is none. */
export function codeKey(typed) {
  const code = typed.toUpperCase().replace(/[-\s]/g, "").replace(/[IL]/g, "1").replaceAll("O", "0");
  return /^[0-9A-HJKMNP-TV-Z]{10}$/.test(code) ? new TextEncoder().encode(code) : null;
}

/** The token out of `paired`, as hexadecimal digits, or null if the bridge did not prove the code. */
export async function unsealed(key, handshake, { token, hmac }) {
  const sealed = unhex(token);
  if (sealed.length !== 32 || hmac !== (await proof(key, "psv", handshake, sealed))) {
    return null;
  }
  const pad = unhex(await proof(key, "ptk", handshake));
  return hex(sealed.map((byte, index) => byte ^ pad[index]));
}

export async function sha256(bytes) {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
