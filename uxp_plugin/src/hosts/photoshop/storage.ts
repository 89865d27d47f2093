/** Strings that outlive the panel, and the files in which the bridge says where it is. */

import type { Settings } from "../host.ts";
import type { Modules } from "./modules.ts";
import type { Os, SecureStorage } from "./uxp.ts";

const PREFIX = "videoshop.";

export function storedSettings(local: Storage, secure: SecureStorage): Settings {
  return {
    async get(name) {
      const plain = local.getItem(PREFIX + name);
      return plain ?? (await secret(secure, PREFIX + name));
    },
    async set(name, value, options) {
      if (options?.secret === true) {
        await secure.setItem(PREFIX + name, value);
        local.removeItem(PREFIX + name);
      } else local.setItem(PREFIX + name, value);
    },
    async remove(name) {
      local.removeItem(PREFIX + name);
      if ((await secret(secure, PREFIX + name)) !== null) await secure.removeItem(PREFIX + name);
    },
  };
}

/** Secure storage is a cache whose keys can be lost; then the person pairs again. */
async function secret(secure: SecureStorage, key: string): Promise<string | null> {
  try {
    const bytes = await secure.getItem(key);
    return bytes === null || bytes === undefined ? null : text(bytes);
  } catch {
    return null;
  }
}

/** UTF-8 without TextDecoder, which UXP does not have. */
export function text(bytes: Uint8Array): string {
  let escaped = "";
  for (const byte of bytes) escaped += `%${byte.toString(16).padStart(2, "0")}`;
  return decodeURIComponent(escaped);
}

/** The folder of the discovery and token files, as bridge_server/desktop/paths.py has it. */
export function configFolder(os: Pick<Os, "platform" | "homedir">): string {
  const home = os.homedir().replace(/[\\/]+$/, "");
  const platform = os.platform();
  if (platform === "darwin") return `${home}/Library/Application Support/videoshop`;
  if (platform.startsWith("win")) return `${home}\\AppData\\Local\\videoshop`;
  return `${home}/.config/videoshop`;
}

export async function discover(
  modules: Pick<Modules, "fs" | "os">,
): Promise<{ port: number | null; token: string | null }> {
  const folder = configFolder(modules.os);
  const separator = folder.includes("\\") ? "\\" : "/";
  const [announced, token] = await Promise.all(
    ["bridge.json", "token"].map((name) => read(modules, folder + separator + name)),
  );
  return { port: portIn(announced ?? null), token: tokenIn(token ?? null) };
}

export function portIn(announced: string | null): number | null {
  try {
    const port: unknown = announced === null ? null : (JSON.parse(announced) as { port?: unknown } | null)?.port;
    return typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65536 ? port : null;
  } catch {
    return null; // half a file of another program is no discovery file
  }
}

export function tokenIn(text: string | null): string | null {
  const token = text?.trim() ?? "";
  return /^[0-9a-f]{64}$/.test(token) ? token : null;
}

/** A file's text; null when there is none or it may not be read. */
async function read({ fs }: Pick<Modules, "fs">, path: string): Promise<string | null> {
  try {
    const content = await fs.readFile(path, { encoding: "utf-8" });
    return typeof content === "string" ? content : text(new Uint8Array(content));
  } catch {
    return null;
  }
}
