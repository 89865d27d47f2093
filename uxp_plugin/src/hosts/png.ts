/** What a PNG file says of itself, without decoding it. */

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly bits: 8 | 16;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const IHDR = 0x49484452;
const END = [0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82];

/** Channels by colour type; a palette's colours are three. */
const CHANNELS: Readonly<Record<number, PngHeader["channels"]>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 };

/** The header of a PNG file, as the protocol announces it (less than 8 bits count as 8); null if it is none. */
export function pngHeader(bytes: Uint8Array): PngHeader | null {
  if (bytes.length < 33 || !has(bytes, 0, SIGNATURE)) {
    return null;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channels = CHANNELS[view.getUint8(25)];
  if (view.getUint32(12) !== IHDR || channels === undefined) {
    return null;
  }
  return { width: view.getUint32(16), height: view.getUint32(20), channels, bits: view.getUint8(24) === 16 ? 16 : 8 };
}

/** Whether a PNG file is there to its end: a program may still be writing it. */
export function isWhole(bytes: Uint8Array): boolean {
  return pngHeader(bytes) !== null && has(bytes, bytes.length - END.length, END);
}

function has(bytes: Uint8Array, at: number, expected: readonly number[]): boolean {
  return expected.every((byte, index) => bytes[at + index] === byte);
}
