/** Bytes of a picture as an address: `data:`, since UXP shows no other. */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base64 of bytes; UXP has no `btoa` in every version. */
export function base64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b, c] = [bytes[at], bytes[at + 1], bytes[at + 2]];
    const word = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
    parts.push(
      DIGITS.charAt(word >> 18),
      DIGITS.charAt((word >> 12) & 63),
      b === undefined ? "=" : DIGITS.charAt((word >> 6) & 63),
      c === undefined ? "=" : DIGITS.charAt(word & 63),
    );
  }
  return parts.join("");
}

export function jpegUrl(bytes: Uint8Array): string {
  return `data:image/jpeg;base64,${base64(bytes)}`;
}
