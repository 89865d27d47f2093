// Makes src/bridge/generated.ts of the protocol's JSON Schema; with --check it says whether it would change.

import { readFileSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const SCHEMA = new URL("../../bridge_server/protocol/schema.json", import.meta.url);
const TARGET = new URL("../src/bridge/generated.ts", import.meta.url);

const schema = JSON.parse(readFileSync(SCHEMA, "utf8"));
const made = await compile(
  { $schema: schema.$schema, $defs: schema.$defs, title: "Protocol", type: "object", additionalProperties: false },
  "Protocol",
  {
    bannerComment: "// Generated from bridge_server/protocol/schema.json by `npm run types`; do not edit.",
    unreachableDefinitions: true,
    additionalProperties: false,
    strictIndexSignatures: false,
    style: { printWidth: 120 },
  },
);

if (process.argv.includes("--check")) {
  const there = readFileSync(TARGET, "utf8");
  if (there !== made) {
    console.error("src/bridge/generated.ts is not what the schema makes: run `npm run types`.");
    process.exit(1);
  }
} else {
  writeFileSync(TARGET, made);
}
