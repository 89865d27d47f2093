/** The real service with the simulated engine, as a child process in a folder of its own. */

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
const PYTHON = process.env["PYTHON"] ?? "python3";

export class Service {
  port = 0;
  private child: ChildProcess | null = null;

  private constructor(readonly folder: string) {}

  /** Starts a service that ends with the test. */
  static async start(test: TestContext): Promise<Service> {
    const service = new Service(mkdtempSync(join(tmpdir(), "videoshop-panel-")));
    test.after(async () => {
      await service.end("SIGTERM");
      rmSync(service.folder, { recursive: true, force: true, maxRetries: 5 });
    });
    await service.run();
    return service;
  }

  /** Starts the process, on the same port as before if there was one. */
  async run(): Promise<void> {
    const child = spawn(PYTHON, ["-m", "bridge_server.cli", "serve", "--port", String(this.port)], {
      cwd: REPOSITORY,
      env: this.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    let complaint = "";
    child.stderr.on("data", (data: Buffer) => {
      complaint += data.toString();
    });
    for await (const line of createInterface(child.stdout)) {
      const listening = /^Listening on ws:\/\/localhost:(\d+)/.exec(line);
      if (listening !== null) {
        this.port = Number(listening[1]);
        child.stdout.resume();
        return;
      }
    }
    throw new Error(`The service did not start: ${complaint}`);
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.child;
    this.child = null;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
    }
  }

  get token(): string {
    return readFileSync(join(this.folder, "config", "token"), "utf8").trim();
  }

  /** A pairing code, as `videoshop pair` shows it. */
  pairingCode(): string {
    const options = { cwd: REPOSITORY, env: this.environment, encoding: "utf8" } as const;
    const code = /[0-9A-Z]{5}-[0-9A-Z]{5}/.exec(spawnSync(PYTHON, ["-m", "bridge_server.cli", "pair"], options).stdout);
    if (code === null) {
      throw new Error("The service shows no pairing code.");
    }
    return code[0];
  }

  /** A file that the simulated engine takes for a clip. */
  clip(name = "shot.mov", size = 1000): string {
    const path = join(this.folder, name);
    writeFileSync(path, Buffer.alloc(size, name));
    return path;
  }

  private get environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      VIDEOSHOP_CONFIG: join(this.folder, "config"),
      VIDEOSHOP_DATA: join(this.folder, "data"),
      VIDEOSHOP_ENGINE: `${PYTHON} -m tests.bridge_server.fake_engine`,
    };
  }
}
