import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { PNG } from "pngjs";
import type { HostError } from "../../../src/hosts/host.ts";
import { bytesOf, clip, painted, plain, studio } from "./scene.ts";

test("the composite leaves in the document's depth, padded to the canvas, and nothing of it stays in memory", async () => {
  const { simulator, host, folder } = studio();
  painted(simulator, clip(folder), { composite: plain(10, 5, [1, 2, 3], 8, 3, 4) });
  const picture = await host.edited();
  assert.deepEqual(
    [picture.kind, picture.width, picture.height, picture.channels, picture.bits],
    ["raw", 16, 12, 3, 8],
  );
  const bytes = await bytesOf(picture);
  assert.equal(bytes.length, picture.size);
  const at = (x: number, y: number): number[] => [...bytes.subarray((y * 16 + x) * 3, (y * 16 + x) * 3 + 3)];
  assert.deepEqual(
    [at(2, 4), at(3, 4), at(12, 8), at(13, 8), at(12, 9)],
    [
      [0, 0, 0],
      [1, 2, 3],
      [1, 2, 3],
      [0, 0, 0],
      [0, 0, 0],
    ],
  );
  assert.equal(simulator.ledger.held, 0);
});

test("16 bits leave over the full range", async () => {
  const { simulator, host, folder } = studio();
  painted(simulator, clip(folder), { composite: plain(16, 12, [0, 16384, 32768], 16) });
  const picture = await host.edited();
  const bytes = await bytesOf(picture);
  assert.equal(picture.bits, 16);
  assert.deepEqual([bytes.readUInt16LE(0), bytes.readUInt16LE(2), bytes.readUInt16LE(4)], [0, 32768, 65535]);
});

test("32 bits are encoded with the document's profile, which is named without its addition", async () => {
  const { simulator, host, folder } = studio();
  painted(simulator, clip(folder), {
    composite: plain(16, 12, [0, 0.5, 4], 32),
    profile: "sRGB IEC61966-2.1 (Linear RGB Profile)",
  });
  const picture = await host.edited();
  const bytes = await bytesOf(picture);
  assert.deepEqual([picture.bits, picture.profile], [16, "sRGB IEC61966-2.1"]);
  assert.match((await host.look()).notes.join(), /32 bits.*encoded as sRGB/);
  assert.deepEqual([bytes.readUInt16LE(0), bytes.readUInt16LE(2), bytes.readUInt16LE(4)], [0, 48192, 65535]);
});

test("a gray document leaves as gray, and as colour with alpha when its transparency is the mask", async () => {
  const { simulator, host, folder } = studio();
  const document = painted(simulator, clip(folder), {
    mode: "grayscaleMode",
    profile: "Gray Gamma 2.2",
    composite: plain(16, 12, [77]),
  });
  assert.equal((await host.edited()).channels, 1);
  document.composite = plain(8, 12, [77, 200]);
  document.layers = document.layers.filter(({ id }) => id === 1);
  document.active = [1];
  const picture = await host.edited();
  const bytes = await bytesOf(picture);
  assert.equal(picture.channels, 4);
  assert.deepEqual([...bytes.subarray(0, 4), ...bytes.subarray(60, 64)], [77, 77, 77, 200, 0, 0, 0, 0]);
});

test("with a mask the frame leaves without alpha: the engine takes one of both", async () => {
  const { simulator, host, folder } = studio();
  painted(simulator, clip(folder), { composite: plain(16, 12, [9, 9, 9, 128]) });
  assert.equal((await host.edited()).channels, 3);
});

test("a space for still images is converted to sRGB by Photoshop, and said so", async () => {
  const { simulator, host, folder } = studio();
  painted(simulator, clip(folder), { profile: "Adobe RGB (1998)" });
  assert.equal((await host.edited()).profile, "sRGB IEC61966-2.1");
  assert.deepEqual(
    [...simulator.ledger.profiles].filter((name) => name.startsWith("s")),
    ["sRGB IEC61966-2.1"],
  );
  assert.ok((await host.look()).notes.includes("The frame is converted from Adobe RGB (1998) to sRGB."));
});

test("a frame of 66 MB needs at most 64 MB of Photoshop's image data", async () => {
  const { simulator, host, folder } = studio();
  painted(simulator, clip(folder), {
    width: 4096,
    height: 2160,
    composite: plain(4096, 2160, [1, 2, 3, 32768], 16),
    layers: [],
    active: [],
  });
  const picture = await host.edited();
  assert.equal(picture.size, 4096 * 2160 * 8);
  let most = 0;
  for await (const band of picture.bands()) most = Math.max(most, band.byteLength);
  assert.ok(simulator.ledger.most + 2 * most <= 64 << 20, `${simulator.ledger.most} and ${most}`);
  assert.equal(simulator.ledger.held, 0);
});

for (const emptyRegions of ["empty", "error"] as const) {
  test(`rows in which nothing is visible are transparent, or read from a PNG, where Photoshop answers with an ${emptyRegions}`, async () => {
    const { simulator, host, folder } = studio({ emptyRegions });
    painted(simulator, clip(folder), {
      width: 4096,
      height: 1000,
      composite: plain(4, 1, [5, 6, 7, 255], 8, 0, 0),
      layers: [],
      active: [],
    });
    const picture = await host.edited();
    if (emptyRegions === "empty") {
      const bytes = await bytesOf(picture);
      assert.deepEqual([...bytes.subarray(12, 20), bytes.length], [5, 6, 7, 255, 0, 0, 0, 0, picture.size]);
    } else {
      await assert.rejects(bytesOf(picture), { code: "photoshop.frame_unreadable" });
      assert.equal((await host.edited()).kind, "png");
    }
  });
}

test("where imaging fails Photoshop saves a copy as PNG, which is read, said and deleted", async () => {
  const { simulator, host, folder } = studio();
  const document = painted(simulator, clip(folder));
  simulator.imagingFails = true;
  const picture = await host.edited();
  assert.deepEqual([picture.kind, picture.width, picture.height, picture.channels], ["png", 16, 12, 4]);
  const bytes = await bytesOf(picture);
  assert.equal(bytes.length, picture.size);
  assert.deepEqual([...PNG.sync.read(bytes).data.subarray(0, 4)], [10, 20, 30, 255]);
  assert.equal(document.path, "/shots/shot.psd", "the open document became the copy");
  assert.deepEqual(readdirSync(simulator.files.temporaryFolder), []);
  assert.ok((await host.look()).notes.some((note) => note.includes("saved as PNG")));
});

test("a document that changes between two bands is not sent as a mixture", async () => {
  const { simulator, host, folder } = studio();
  painted(simulator, clip(folder), {
    width: 4096,
    height: 1024,
    composite: plain(4096, 1024, [1, 2, 3]),
    layers: [],
    active: [],
  });
  const picture = await host.edited();
  const bands = picture.bands()[Symbol.asyncIterator]();
  await bands.next();
  simulator.byHand("paint", () => undefined);
  await assert.rejects(
    Promise.resolve(bands.next()),
    (error: HostError) => error.code === "photoshop.changed" && error.hint !== "",
  );
});

test("Photoshop is modal for each band alone and never between them", async () => {
  const { simulator, host, folder } = studio();
  painted(simulator, clip(folder), {
    width: 4096,
    height: 1024,
    composite: plain(4096, 1024, [1, 2, 3]),
    layers: [],
    active: [],
  });
  const picture = await host.edited();
  for await (const band of picture.bands()) {
    assert.equal(simulator.depth, 0);
    assert.ok(band.length > 0);
  }
  assert.equal(simulator.played.length, 0, "reading changed something");
});

test("another program's modal state is waited for, and told when it does not end", async () => {
  const { simulator, host, folder } = studio();
  painted(simulator, clip(folder));
  simulator.busy = 2;
  assert.equal((await host.edited()).kind, "raw");
  simulator.busy = 1000;
  await assert.rejects(host.edited(), { code: "photoshop.busy" });
});

test("the mask is the layer's, else the selection, else the painted layer's alpha, else there is none", async () => {
  const { simulator, host, folder } = studio();
  const document = painted(simulator, clip(folder), { selection: plain(2, 2, [200], 8, 1, 1) });
  const inside = async (): Promise<string[]> => {
    const mask = await host.mask();
    if (mask === null) return [];
    assert.deepEqual([mask.channels, mask.width, mask.height, mask.size], [1, 16, 12, 192]);
    const bytes = await bytesOf(mask);
    return [...bytes.entries()]
      .filter(([, value]) => value > 0)
      .map(([index, value]) => `${index % 16},${Math.floor(index / 16)}=${value}`);
  };
  assert.equal((await host.look()).mask, "layer mask");
  assert.deepEqual((await inside()).slice(0, 2), ["5,6=255", "6,6=255"]);
  document.layers = document.layers.map(({ mask: _, ...layer }) => layer);
  assert.equal((await host.look()).mask, "selection");
  assert.deepEqual(await inside(), ["1,1=200", "2,1=200", "1,2=200", "2,2=200"]);
  document.selection = null;
  assert.equal((await host.look()).mask, "layer alpha");
  assert.deepEqual((await inside()).length, 12);
  document.active = [1];
  assert.equal((await host.look()).mask, null);
  assert.deepEqual(await inside(), []);
});

test("a mask that is the same everywhere says nothing: the next is taken and it is said", async () => {
  const { simulator, host, folder } = studio();
  const document = painted(simulator, clip(folder), { selection: plain(2, 2, [255], 8, 1, 1) });
  document.layers = document.layers.map((layer) => (layer.id === 2 ? { ...layer, mask: plain(16, 12, [255]) } : layer));
  const mask = await host.mask();
  assert.equal((await bytesOf(mask ?? assert.fail("no mask"))).filter((byte) => byte > 0).length, 4);
  assert.ok((await host.look()).notes.includes("The layer mask is the same everywhere and is not used."));
});

test("a 16-bit mask keeps its depth", async () => {
  const { simulator, host, folder } = studio();
  const document = painted(simulator, clip(folder));
  document.layers = document.layers.map((layer) =>
    layer.id === 2 ? { ...layer, mask: plain(2, 2, [16384], 16, 1, 1) } : layer,
  );
  const mask = (await host.mask()) ?? assert.fail("no mask");
  const bytes = await bytesOf(mask);
  assert.equal(mask.bits, 16);
  assert.equal(bytes.readUInt16LE((16 + 1) * 2), 32768);
});

test("without a document there is nothing to look at, and the person is told what to do", async () => {
  const { host } = studio();
  assert.deepEqual(await host.look(), {
    document: null,
    clip: null,
    frame: null,
    mask: null,
    thumbnail: null,
    notes: [],
  });
  await assert.rejects(host.edited(), { code: "photoshop.no_document" });
});

test("the thumbnail is Photoshop's JPEG, also of a deep gray document, and never an error", async () => {
  const { simulator, host, folder } = studio();
  const document = painted(simulator, clip(folder));
  assert.match((await host.look()).thumbnail ?? "", /^data:image\/jpeg;base64,/);
  document.composite = plain(16, 12, [100, 32768], 16);
  assert.match((await host.look()).thumbnail ?? "", /^data:image\/jpeg;base64,/);
  simulator.imagingFails = true;
  assert.equal((await host.look()).thumbnail, null);
  assert.equal(simulator.ledger.held, 0);
});
