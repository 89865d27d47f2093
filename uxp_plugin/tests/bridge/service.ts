/** The real service with the simulated engine, as a child process in a folder of its own. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { PYTHON, REPOSITORY, serve, type Serving } from "../serving.ts";

export class Service {
  port = 0;
  private serving: Serving | null = null;

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
    this.serving = await serve(this.environment, [], this.port);
    this.port = this.serving.port;
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.serving?.end(signal);
    this.serving = null;
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
