import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { PNG } from "pngjs";
import { build } from "../../../build/photoshop.mjs";
import type { Manifest } from "./simulator/uxp.ts";
import { unzip } from "./simulator/plugin.ts";
import { temporaryFolder } from "./simulator/temporary.ts";

const out = temporaryFolder();
let files: Map<string, Buffer>;
let manifest: Manifest;
let ccx: string;

before(async () => {
  ccx = (await build({ out })).ccx;
  files = unzip(readFileSync(ccx));
  manifest = read();
});

function read(): Manifest {
  return JSON.parse(files.get("manifest.json")?.toString("utf8") ?? "") as Manifest;
}

test("the package is a plain ZIP with the manifest at its root and nothing that Adobe's packer drops", () => {
  assert.ok(files.has("manifest.json"));
  for (const name of files.keys()) assert.doesNotMatch(name, /(^|\/)\.|lock|^\/|\.\.|\\/);
  assert.match(ccx, /org\.videoshop\.bridge\.photoshop_PS\.ccx$/);
});

test("the package is the same, byte for byte, when it is built again", async () => {
  const first = readFileSync(ccx);
  const other = temporaryFolder();
  assert.deepEqual(readFileSync((await build({ out: other })).ccx), first);
});

test("Python reads the package without a complaint", async () => {
  const { spawnSync } = await import("node:child_process");
  const { status, stdout } = spawnSync(process.env.PYTHON ?? "python3", ["-m", "zipfile", "-t", ccx], {
    encoding: "utf8",
  });
  assert.equal(status, 0);
  assert.match(stdout, /Done testing/);
});

test("Photoshop loads the manifest: one host, id, name, main, and a version of three parts", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  assert.equal(manifest.manifestVersion, 5);
  assert.match(manifest.id, /^[a-z.]+$/);
  assert.ok(manifest.name.length >= 3 && manifest.name.length <= 45);
  assert.equal(manifest.version, version);
  assert.match(manifest.version, /^\d+\.\d+\.\d+$/);
  assert.deepEqual([manifest.host.app, manifest.host.minVersion], ["PS", "24.4.0"]);
  assert.ok(files.has(manifest.main));
});

test("the menu has one panel and three commands, their ids each once", () => {
  const named = manifest.entrypoints.map(({ type, label }) => `${type} ${label.default}`);
  assert.deepEqual(named, [
    "panel Videoshop",
    "command Propagate to video",
    "command Open clip with Videoshop",
    "command Cancel",
  ]);
  assert.equal(new Set(manifest.entrypoints.map(({ id }) => id)).size, manifest.entrypoints.length);
});

test("every icon that the manifest names is there, in its size, at each scale", () => {
  const panels = manifest.entrypoints.filter(({ type }) => type === "panel");
  assert.ok(panels.every(({ icons }) => icons !== undefined && icons.length > 0));
  for (const { path, width, height, scale } of [...manifest.icons, ...panels.flatMap(({ icons }) => icons ?? [])]) {
    for (const factor of scale) {
      const content = files.get(factor === 1 ? path : path.replace(".png", `@${factor}x.png`));
      assert.ok(content !== undefined, path);
      const image = PNG.sync.read(content);
      assert.deepEqual([image.width, image.height], [width * factor, height * factor]);
      assert.ok(
        image.data.some((byte, index) => index % 4 === 3 && byte > 0),
        "the icon is empty",
      );
    }
  }
});

test("the network is the bridge's ports on this machine and nothing else, each with scheme and port", () => {
  const protocol = readFileSync(new URL("../../../../bridge_server/protocol/PROTOCOL.md", import.meta.url), "utf8");
  const ports =
    /free port of ([\d, ]+)/
      .exec(protocol)?.[1]
      ?.split(",")
      .map((port) => port.trim())
      .filter(Boolean) ?? [];
  assert.equal(ports.length, 4);
  const expected = ["ws", "http"].flatMap((scheme) =>
    ["localhost", "127.0.0.1"].flatMap((host) => ports.map((port) => `${scheme}://${host}:${port}`)),
  );
  assert.deepEqual(manifest.requiredPermissions.network?.domains, expected);
  assert.equal(manifest.requiredPermissions.localFileSystem, "fullAccess");
});

test("a build switch asks for the whole network, bare, and no other word does", async () => {
  const { ccx: wide } = await build({ out, network: "all" });
  const described = JSON.parse(unzip(readFileSync(wide)).get("manifest.json")?.toString("utf8") ?? "") as Manifest;
  assert.equal(described.requiredPermissions.network?.domains, "all");
  await assert.rejects(build({ out, network: "*" }), /listed/);
});

test("nothing in the script needs what UXP lacks or forbids", () => {
  const script = files.get("main.js")?.toString("utf8") ?? "";
  assert.doesNotMatch(
    script,
    /\bnew TextDecoder\b|\bnew MutationObserver\b|\bmatchMedia\s*\(|crypto\.subtle|\beval\s*\(|new Function\b|createObjectURL/,
  );
  const required = [...script.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name]) => name);
  assert.deepEqual(
    required.filter((name) => !["photoshop", "uxp", "fs", "os"].includes(name ?? "")),
    [],
  );
});
