import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Service } from "./service.ts";

const UPLOAD = fileURLToPath(new URL("upload_memory.ts", import.meta.url));

test("66 MB travel in little memory", async (t) => {
  const service = await Service.start(t);
  const [width, height, band] = [4096, 4040, 1 << 20];
  const words = [service.port, service.token, width, height, band].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", UPLOAD, ...words]);
  const most = Number(stdout);
  t.diagnostic(`${width * height * 4} bytes took ${(most / 1e6).toFixed(1)} MB`);
  assert.ok(most > 0 && most <= 64e6, `${most} bytes`);
});
