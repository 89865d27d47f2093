import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { JSDOM } from "jsdom";
import { build } from "../../../build/aftereffects.mjs";

async function built(t: TestContext): Promise<string> {
  const out = mkdtempSync(join(tmpdir(), "videoshop-dist-"));
  t.after(() => rmSync(out, { recursive: true, force: true }));
  await build({ out });
  return out;
}

test("the manifest is well formed and says what CEP 12 and After Effects 25 ask for", async (t) => {
  const folder = join(await built(t), "aftereffects");
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  const manifest = new JSDOM(readFileSync(join(folder, "CSXS", "manifest.xml"), "utf8"), { contentType: "text/xml" }).window.document;
  const attribute = (tag: string, name: string): string | null | undefined => manifest.querySelector(tag)?.getAttribute(name);
  assert.equal(manifest.documentElement.tagName, "ExtensionManifest");
  assert.equal(attribute("ExtensionManifest", "Version"), "12.0");
  assert.equal(attribute("ExtensionManifest", "ExtensionBundleVersion"), version);
  assert.equal(attribute("ExtensionList > Extension", "Version"), version);
  assert.equal(attribute("ExtensionList > Extension", "Id"), attribute("DispatchInfoList > Extension", "Id"));
  assert.ok(attribute("ExtensionList > Extension", "Id")?.startsWith(attribute("ExtensionManifest", "ExtensionBundleId") ?? "?"));
  assert.deepEqual([attribute("Host", "Name"), attribute("Host", "Version")], ["AEFT", "[25.0,99.9]"]);
  assert.deepEqual([attribute("RequiredRuntime", "Name"), attribute("RequiredRuntime", "Version")], ["CSXS", "12.0"]);
  assert.equal(manifest.querySelector("UI > Type")?.textContent, "Panel");
  assert.equal(manifest.querySelector("CEFCommandLine"), null, "no Node, no open doors");
  for (const path of ["MainPath", "ScriptPath"]) {
    readFileSync(join(folder, manifest.querySelector(path)?.textContent ?? ""));
  }
});

test("the extension holds what it runs, and no .debug file", async (t) => {
  const out = await built(t);
  assert.deepEqual(readdirSync(out, { recursive: true }).map(String).sort(), [
    "aftereffects",
    "aftereffects-script",
    "aftereffects-script/Videoshop.jsx",
    "aftereffects/CSXS",
    "aftereffects/CSXS/manifest.xml",
    "aftereffects/host.jsx",
    "aftereffects/index.html",
    "aftereffects/main.js",
    "aftereffects/panel.css",
  ]);
  const page = readFileSync(join(out, "aftereffects", "main.js"), "utf8");
  assert.doesNotMatch(page, /\beval\(|new Function|innerHTML|require\(/);
});
