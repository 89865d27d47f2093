/** What a PNG file says of itself, without decoding it. */

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly bits: 8 | 16;
}

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const END = [73, 69, 78, 68, 174, 66, 96, 130];
const CHANNELS: Readonly<Record<number, 1 | 2 | 3 | 4>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 };

/** The header of a PNG that is whole from its signature to its end; else null. */
export function announced(bytes: Uint8Array): PngHeader | null {
  if (bytes.length < 45 || !startsWith(bytes, 0, SIGNATURE) || !startsWith(bytes, bytes.length - END.length, END))
    return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channels = CHANNELS[view.getUint8(25)];
  if (channels === undefined) return null;
  return { width: view.getUint32(16), height: view.getUint32(20), channels, bits: view.getUint8(24) === 16 ? 16 : 8 };
}

function startsWith(bytes: Uint8Array, at: number, expected: readonly number[]): boolean {
  return expected.every((byte, index) => bytes[at + index] === byte);
}
