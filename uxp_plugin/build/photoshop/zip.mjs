// A ZIP archive that is the same, byte for byte, for the same files: sorted, without times, attributes or extras.

import { deflateRawSync } from "node:zlib";

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const UTF8 = 0x0800;
const DEFLATED = 8;
const MIDNIGHT_1980 = { time: 0, date: 0x21 };

/** @param {Record<string, Uint8Array>} files contents by name, with / between folders */
export function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const name of Object.keys(files).sort()) {
    const content = files[name];
    const packed = deflateRawSync(content, { level: 9 });
    const path = Buffer.from(name, "utf8");
    const shared = header(content, packed, path);
    const local = Buffer.concat([number32(LOCAL), shared, number16(0), path, packed]);
    directory.push(
      Buffer.concat([
        number32(CENTRAL),
        number16(20),
        shared,
        number16(0),
        number16(0),
        number16(0),
        number16(0),
        number32(0),
        number32(offset),
        path,
      ]),
    );
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const count = number16(directory.length);
  const end = [
    number32(END),
    number16(0),
    number16(0),
    count,
    count,
    number32(central.length),
    number32(offset),
    number16(0),
  ];
  return Buffer.concat([...parts, central, ...end]);
}

/** What a local header and its twin in the directory have in common: from the version to the name's length. */
function header(content, packed, path) {
  const { time, date } = MIDNIGHT_1980;
  return Buffer.concat([
    number16(20),
    number16(UTF8),
    number16(DEFLATED),
    number16(time),
    number16(date),
    number32(crc32(content)),
    number32(packed.length),
    number32(content.length),
    number16(path.length),
  ]);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** Of ZIP and PNG. */
export function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

function number16(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function number32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
