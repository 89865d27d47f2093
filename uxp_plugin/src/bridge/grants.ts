/** Grants end with their connection: the panel knows each by its first name, and it is given again where it is used. */

import type { Connection } from "./connection.ts";
import { clipChanged } from "./faults.ts";

interface Chosen {
  readonly path: string;
  readonly name: string;
  readonly size: number;
}

export class Grants {
  private readonly chosen = new Map<string, Chosen>();
  private readonly given = new WeakMap<Connection, Map<string, Promise<string>>>();

  /** Lets the bridge read a clip; the grant's name from now on. */
  async give(connection: Connection, path: string): Promise<string> {
    const { grant, name, size } = (await connection.ask("grant.clip", { path })).data;
    this.chosen.set(grant, { path, name, size });
    this.on(connection).set(grant, Promise.resolve(grant));
    return grant;
  }

  /** What a grant is called on this connection. Rejects with BridgeFault when the clip is not the one that was chosen. */
  async name(connection: Connection, grant: string): Promise<string> {
    const chosen = this.chosen.get(grant);
    if (chosen === undefined) {
      return grant;
    }
    const given = this.on(connection);
    const again = given.get(grant) ?? giveAgain(connection, chosen);
    given.set(grant, again);
    return again;
  }

  private on(connection: Connection): Map<string, Promise<string>> {
    const given = this.given.get(connection) ?? new Map<string, Promise<string>>();
    this.given.set(connection, given);
    return given;
  }
}

async function giveAgain(connection: Connection, chosen: Chosen): Promise<string> {
  const { grant, size } = (await connection.ask("grant.clip", { path: chosen.path })).data;
  if (size !== chosen.size) {
    throw clipChanged(chosen.name);
  }
  return grant;
}
