/** `videoshop serve`, as a child process. PYTHON names the Python that has it; else the repository's own, or the system's. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const OWN = join(REPOSITORY, ".venv", "bin", "python");
export const PYTHON = process.env["PYTHON"] ?? (existsSync(OWN) ? OWN : "python3");

export interface Serving {
  readonly port: number;
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** Starts a service; throws with what it said when it does not listen. `words` are further options of the command. */
export async function serve(environment: NodeJS.ProcessEnv, words: readonly string[] = [], port = 0): Promise<Serving> {
  const child = spawn(PYTHON, ["-m", "bridge_server.cli", "serve", "--port", String(port), ...words], {
    cwd: REPOSITORY,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (data: Buffer) => {
    complaint += data.toString();
  });
  for await (const line of createInterface(child.stdout)) {
    const listening = /^Listening on ws:\/\/localhost:(\d+)/.exec(line);
    if (listening !== null) {
      child.stdout.resume();
      return {
        port: Number(listening[1]),
        async end(signal) {
          if (child.exitCode === null && child.signalCode === null) {
            const ended = once(child, "exit");
            child.kill(signal);
            await ended;
          }
        },
      };
    }
  }
  throw new Error(`The service did not start: ${complaint}`);
}
