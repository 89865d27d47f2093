/** The real service with the real engine, in folders of its own, where a home folder has them on macOS. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));
const OWN = join(REPOSITORY, ".venv", "bin", "python");

/** The Python that has the service and the engine. */
export const PYTHON = process.env["PYTHON"] ?? (existsSync(OWN) ? OWN : "python3");

export interface Running {
  /** The home folder of the person whose service this is. */
  readonly home: string;
  readonly port: number;
}

/** Ends with the test. */
export async function serve(test: TestContext): Promise<Running> {
  const home = mkdtempSync(join(tmpdir(), "videoshop-home-"));
  const folder = join(home, "Library/Application Support/videoshop");
  const env = { ...process.env, VIDEOSHOP_CONFIG: folder, VIDEOSHOP_DATA: folder };
  const child = spawn(PYTHON, ["-m", "bridge_server.cli", "serve", "--port", "0"], {
    cwd: REPOSITORY,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  test.after(async () => {
    await ended(child);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });
  let complaint = "";
  child.stderr.on("data", (data: Buffer) => {
    complaint += data.toString();
  });
  for await (const line of createInterface(child.stdout)) {
    const listening = /^Listening on ws:\/\/localhost:(\d+)/.exec(line);
    if (listening !== null) {
      child.stdout.resume();
      return { home, port: Number(listening[1]) };
    }
  }
  throw new Error(`The service did not start: ${complaint}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}
