/** Grants end with their connection: the panel knows each by its first name, and it is given again where it is used. */

import type { Connection } from "./connection.ts";
import { clipChanged } from "./faults.ts";
import type { GrantGiven } from "./generated.ts";

type Ask = (connection: Connection) => Promise<GrantGiven>;

interface Chosen {
  readonly ask: Ask;
  readonly name: string;
  readonly size: number;
}

export class Grants {
  private readonly chosen = new Map<string, Chosen>();
  private readonly given = new WeakMap<Connection, Map<string, Promise<string>>>();

  /** Lets the bridge read a clip that it can find again by `ask`; the grant's name from now on. */
  async give(connection: Connection, ask: Ask): Promise<string> {
    const { grant, name, size } = (await ask(connection)).data;
    this.chosen.set(grant, { ask, name, size });
    this.on(connection).set(grant, Promise.resolve(grant));
    return grant;
  }

  /**
   * What a grant is called on this connection. Rejects with BridgeFault when the clip is not the one any more that was
   * chosen. A clip that was sent went with its connection: its grant is passed on as it is, and the bridge refuses it.
   */
  async name(connection: Connection, grant: string): Promise<string> {
    const chosen = this.chosen.get(grant);
    if (chosen === undefined) {
      return grant;
    }
    const given = this.on(connection);
    const again = given.get(grant) ?? giveAgain(connection, chosen);
    given.set(grant, again);
    again.catch(() => given.delete(grant)); // the clip may be put back
    return again;
  }

  private on(connection: Connection): Map<string, Promise<string>> {
    const given = this.given.get(connection) ?? new Map<string, Promise<string>>();
    this.given.set(connection, given);
    return given;
  }
}

async function giveAgain(connection: Connection, chosen: Chosen): Promise<string> {
  const { grant, size } = (await chosen.ask(connection)).data;
  if (size !== chosen.size) {
    throw clipChanged(chosen.name);
  }
  return grant;
}
