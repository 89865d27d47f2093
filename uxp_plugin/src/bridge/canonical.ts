/** Canonical JSON and the hash of a job's parameters (PROTOCOL.md, “Parameter hash”). */

import { sha256 } from "@noble/hashes/sha2.js";
import { hex, utf8 } from "./bytes.ts";

/** Members in the order of their names' code points, no white space, no escapes but those that JSON demands. Throws
 * RangeError for what cannot be said so: a number that is no safe integer, undefined, a function. */
export function canonical(value: unknown): string {
  if (value === null || typeof value === "boolean") {
    return String(value);
  }
  if (typeof value === "number" && Number.isSafeInteger(value)) {
    return String(Object.is(value, -0) ? 0 : value);
  }
  if (typeof value === "string") {
    return quoted(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join()}]`;
  }
  if (typeof value === "object") {
    const members = Object.entries(value).sort(([one], [other]) => byCodePoints(one, other));
    return `{${members.map(([name, member]) => `${quoted(name)}:${canonical(member)}`).join()}}`;
  }
  throw new RangeError(`${String(value)} has no canonical form.`);
}

/** The sha256 of a value's canonical JSON, as hexadecimal digits. */
export function paramsHash(value: unknown): string {
  return hex(sha256(utf8(canonical(value))));
}

function byCodePoints(one: string, other: string): number {
  const [a, b] = [Array.from(one), Array.from(other)];
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const difference = (a[index]?.codePointAt(0) ?? 0) - (b[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return a.length - b.length;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\f": "\\f",
  "\r": "\\r",
};

/** Unlike JSON.stringify, which escapes half surrogate pairs too. */
function quoted(text: string): string {
  const inside = text.replace(/["\\\u0000-\u001f]/g, (character) => {
    return ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${inside}"`;
}
