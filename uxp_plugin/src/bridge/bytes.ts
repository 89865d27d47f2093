/** Bytes, hexadecimal digits, UTF-8 and UUIDs, without TextEncoder, TextDecoder and crypto, which UXP may lack. */

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of lower-case hexadecimal digits; null when they are none, or not `length` bytes. */
export function unhex(digits: string, length: number): Uint8Array | null {
  if (digits.length !== 2 * length || !/^[0-9a-f]*$/.test(digits)) {
    return null;
  }
  return Uint8Array.from({ length }, (_, index) => parseInt(digits.slice(2 * index, 2 * index + 2), 16));
}

/** UTF-8; half a surrogate pair is written as its own three bytes, as the bridge does. */
export function utf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0x80) {
      bytes.push(point);
    } else if (point < 0x800) {
      bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
      bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    } else {
      bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    }
  }
  return Uint8Array.from(bytes);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Whether two proofs are the same, in a time that does not tell where they differ. */
export function same(one: Uint8Array, other: Uint8Array): boolean {
  let different = one.length ^ other.length;
  one.forEach((byte, index) => {
    different |= byte ^ (other[index] ?? 0);
  });
  return different === 0;
}

/** The 16 bytes of a UUID written with hyphens; null when it is none. */
export function uuidBytes(uuid: string): Uint8Array | null {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) ? unhex(uuid.replace(/-/g, ""), 16) : null;
}

export function uuidText(bytes: Uint8Array): string {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
