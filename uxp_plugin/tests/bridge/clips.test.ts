import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { picture } from "./panel.ts";
import { ended, faultOf, params, together, type Side } from "./together.ts";

/** The rows that the bridge kept of a picture: the simulated engine copies them into its result, behind a TIFF header. */
async function kept(side: Side, edited: string, size: number): Promise<Uint8Array> {
  const grant = await side.bridge.grant(side.service.clip());
  const job = await side.bridge.submit({ grant, keyframes: [{ edited, frame: 0 }] });
  const { result } = await side.job(job, ended);
  const file = result?.files.find((name) => name.startsWith("edited_0")) ?? "";
  return readFileSync(join(result?.folder ?? "", file)).subarray(-size);
}

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

async function bytesOf(bands: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const band of bands) {
    parts.push(band.slice());
  }
  return Buffer.concat(parts);
}

test("a clip is granted, probed, and its frame fetched", async (t) => {
  const { bridge, service } = await together(t);
  const grant = await bridge.grant(service.clip());
  assert.equal((await bridge.probe(grant)).data.fps, "30000/1001");
  assert.equal(Buffer.from(await bridge.frame(grant, 3, false)).toString(), "a picture");
  const edited = await bridge.send(picture(8, 8, () => 64));
  assert.deepEqual(await bridge.locate(grant, edited), { frame: 12, confidence: 0.875 });
});

test("a refusal of the bridge comes as it was said", async (t) => {
  const { bridge } = await together(t);
  await assert.rejects(bridge.grant("shot.mov"), faultOf("grant.not_allowed"));
  await assert.rejects(bridge.probe("5e0c1a77-0000-4000-8000-000000000003"), faultOf("grant.unknown"));
});

test("a grant outlives its connection", async (t) => {
  const { bridge, service, sockets } = await together(t);
  const path = service.clip();
  const grant = await bridge.grant(path);
  sockets.cut();
  assert.equal((await bridge.probe(grant)).data.frames, 60);
  writeFileSync(path, "another clip");
  sockets.cut();
  await assert.rejects(bridge.probe(grant), faultOf("grant.changed"));
});

test("8 MiB in odd bands arrive whole, though the socket is cut in the middle", async (t) => {
  const side = await together(t);
  const sizes = [1, 70_001, 3_000_000, 36, 524_287, 524_288, 1_048_577];
  const sent = picture(2048, 1024, (index) => sizes[index % sizes.length] ?? 1);
  const done: number[] = [];
  let cut = false;
  const transfer = await side.bridge.send(sent, (offset) => {
    done.push(offset);
    if (!cut && offset >= 4 << 20) {
      cut = true;
      side.sockets.cut();
    }
  });
  assert.equal(sent.read, 2);
  assert.equal(side.sockets.opened.length, 2);
  assert.equal(done.at(-1), sent.size);
  assert.equal(sha256(await kept(side, transfer, sent.size)), sha256(await bytesOf(sent.bands())));
});

test("a picture whose bands cannot be had again fails with what they throw", async (t) => {
  const { bridge, sockets } = await together(t);
  const sent = picture(2048, 1024, () => 500_000);
  const bands = sent.bands.bind(sent);
  const once = {
    ...sent,
    async *bands() {
      if (sent.read > 0) {
        throw new RangeError("the document is closed");
      }
      yield* bands();
    },
  };
  await assert.rejects(bridge.send(once, () => sockets.cut()), RangeError);
});

test("a picture that is longer or shorter than it said is not sent as if it were whole", async (t) => {
  const { bridge } = await together(t);
  const sent = picture(64, 64, () => 1000);
  const wrong = { ...sent, width: 32, size: sent.size / 2 };
  await assert.rejects(bridge.send(wrong), faultOf("transfer.size_differs"));
  const announced = { ...sent, width: 128, size: sent.size * 2 };
  await assert.rejects(bridge.send(announced), faultOf("transfer.size_differs"));
});

test("a clip that only the page has is sent, though the socket is cut in the middle, and propagated", async (t) => {
  const side = await together(t);
  const data = Buffer.alloc(5_000_001, "a clip of the page's own ");
  const done: number[] = [];
  let cut = false;
  const grant = await side.bridge.upload("shot.mov", new Blob([data]), (offset) => {
    done.push(offset);
    if (!cut && offset > 2_000_000) {
      cut = true;
      side.sockets.cut();
    }
  });
  assert.equal(side.sockets.opened.length, 2);
  assert.equal(done.at(-1), data.length);
  assert.equal((await side.bridge.probe(grant)).data.frames, 60);
  const edited = await side.bridge.send(picture(8, 8, () => 100));
  const job = await side.bridge.submit({ grant, keyframes: [{ edited, frame: 0 }] });
  assert.equal((await side.job(job, ended)).clip, "shot.mov");
  assert.equal(sha256(await side.bridge.fetch(job, "flat.mp4")), sha256(data));
});

test("a clip that was sent goes with its connection", async (t) => {
  const { bridge, sockets } = await together(t);
  const name = `${"very ".repeat(40)}long.mov`;
  const grant = await bridge.upload(name, new Blob(["a clip"]), () => undefined);
  sockets.cut();
  await assert.rejects(bridge.probe(grant), faultOf("grant.unknown"));
});

test("a frame of a finished job's result is looked at, also by the next connection", async (t) => {
  const side = await together(t);
  const job = await side.bridge.submit(await params(side));
  await side.job(job, ended);
  const grant = await side.bridge.grantResult(job, "flat.mp4");
  assert.equal(Buffer.from(await side.bridge.frame(grant, 3, true)).toString(), "a small picture");
  side.sockets.cut();
  assert.equal(Buffer.from(await side.bridge.frame(grant, 4, true)).toString(), "a small picture");
  await assert.rejects(side.bridge.grantResult(job, "none.mp4"), faultOf("transfer.no_file"));
});

test("what a job would take is told before it runs", async (t) => {
  const side = await together(t);
  assert.deepEqual(await side.bridge.estimate(await params(side)), { frames: 59, seconds: 5.9, memory: 1 << 20 });
  assert.equal(side.told.length, 0);
});
