/** The real service with the real engine, in folders of its own, where a home folder has them on macOS. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import * as serving from "../../serving.ts";

export interface Running {
  /** The home folder of the person whose service this is. */
  readonly home: string;
  readonly port: number;
}

/** Ends with the test. */
export async function serve(test: TestContext): Promise<Running> {
  const home = mkdtempSync(join(tmpdir(), "videoshop-home-"));
  const folder = join(home, "Library/Application Support/videoshop");
  const service = await serving.serve({ VIDEOSHOP_CONFIG: folder, VIDEOSHOP_DATA: folder });
  test.after(async () => {
    await service.end("SIGTERM");
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });
  return { home, port: service.port };
}
