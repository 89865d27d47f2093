/** Our side of the handshake: prove the token, or the pairing code, to a bridge that proves it too. */

import type { Trouble } from "./api.ts";
import { hex, same, unhex, utf8, uuidBytes } from "./bytes.ts";
import { within, type Clock } from "./clock.ts";
import { Lost, Refusal } from "./faults.ts";
import { freshBytes } from "./fresh.ts";
import type { Hello, Identified, ServerMessage } from "./generated.ts";
import type { Ended, Line } from "./line.ts";
import { padded, proof, type Occasion, type Role } from "./proof.ts";
import { PROTOCOL, ProtocolError, toText } from "./protocol.ts";

/** Name of the host program and UUID of this installation. */
export interface Who {
  readonly host: string;
  readonly client: string;
}

export interface Greeting {
  readonly port: number;
  readonly hello: Hello["data"];
  readonly challenge: Uint8Array;
  readonly instance: Uint8Array;
}

/** Milliseconds for `hello`; and for an answer to a proof, which the bridge delays up to 8 s after wrong ones. */
const HELLO_PATIENCE = 5_000;
const PROOF_PATIENCE = 15_000;

/** What the bridge says first. Rejects with a Refusal: `port_taken` for what does not speak as the bridge, `version`. */
export async function greeted(line: Line, port: number, clock: Clock): Promise<Greeting> {
  const stranger = (): Refusal => new Refusal("port_taken", `What answers on port ${port} is not the bridge.`);
  const message = await within(clock, HELLO_PATIENCE, line.next(), stranger).catch(async (error: unknown) => {
    if (error instanceof Lost && line.sound && (await line.ended).code === 1001) {
      throw new Refusal("closed", `The bridge on port ${port} is just ending.`);
    }
    throw error instanceof Refusal ? error : stranger();
  });
  if (message.type !== "hello") {
    throw stranger();
  }
  const { protocol_min: low, protocol_max: high, challenge, instance, limits } = message.data;
  if (![low, high, limits?.chunk].every(Number.isInteger) || ![challenge, instance].every(isText)) {
    throw stranger();
  }
  if (PROTOCOL < low || PROTOCOL > high) {
    throw new Refusal("version", `The bridge speaks protocol ${low} to ${high}, this panel ${PROTOCOL}.`);
  }
  const bytes = { challenge: unhex(challenge, 32), instance: uuidBytes(instance) };
  if (bytes.challenge === null || bytes.instance === null) {
    throw stranger();
  }
  return { port, hello: message.data, challenge: bytes.challenge, instance: bytes.instance };
}

/** Proves the token. Rejects with a Refusal: `not_trusted`, or `port_taken` by what cannot prove it too. */
export async function identified(
  line: Line,
  greeting: Greeting,
  token: Uint8Array,
  who: Who,
  clock: Clock,
): Promise<Identified["data"]> {
  const { said, prove } = proving(greeting, token, who, "cli");
  line.send(toText("identify", "c0", said));
  const answer = await answered(line, greeting.port, clock);
  if (answer.type !== "identified" || !proves(answer.data.hmac, prove("srv"))) {
    throw unproven(greeting.port);
  }
  return answer.data;
}

/** Proves the pairing code; the token. Rejects with a Refusal: `wrong_code`, or `port_taken` as above. */
export async function paired(
  line: Line,
  greeting: Greeting,
  code: string,
  who: Who,
  clock: Clock,
): Promise<Uint8Array> {
  const { said, prove } = proving(greeting, utf8(code), who, "pcl");
  line.send(toText("pair", "p0", said));
  const answer = await answered(line, greeting.port, clock);
  const sealed = answer.type === "paired" && isText(answer.data.token) ? unhex(answer.data.token, 32) : null;
  if (answer.type !== "paired" || sealed === null || !proves(answer.data.hmac, prove("psv", sealed))) {
    throw unproven(greeting.port);
  }
  return padded(sealed, prove("ptk"));
}

/** What a closing code means for the person. */
export function troubleOf(ended: Ended): Trouble {
  return CLOSINGS.get(ended.code) ?? "closed";
}

const CLOSINGS: ReadonlyMap<number, Trouble> = new Map<number, Trouble>([
  [1001, "not_running"],
  [4002, "version"],
  [4009, "not_trusted"],
  [4010, "wrong_code"],
]);

export function endedWords(ended: Ended): string {
  return `The connection was closed (${`${ended.code} ${ended.reason}`.trim()}).`;
}

async function answered(line: Line, port: number, clock: Clock): Promise<ServerMessage> {
  const late = (): Refusal => new Refusal("closed", `The bridge on port ${port} did not answer.`);
  try {
    return await within(clock, PROOF_PATIENCE, line.next(), late);
  } catch (error) {
    if (error instanceof ProtocolError || !line.sound) {
      throw unproven(port);
    }
    if (error instanceof Lost) {
      const ended = await line.ended;
      throw new Refusal(troubleOf(ended), endedWords(ended));
    }
    throw error;
  }
}

function proving(greeting: Greeting, key: Uint8Array, who: Who, role: Role) {
  const nonce = freshBytes(32);
  const occasion: Occasion = { ...greeting, nonce };
  const prove = (as: Role, more?: Uint8Array): Uint8Array => proof(key, as, occasion, more);
  return { said: { protocol: PROTOCOL, ...who, nonce: hex(nonce), hmac: hex(prove(role)) }, prove };
}

function proves(hmac: unknown, expected: Uint8Array): boolean {
  const bytes = isText(hmac) ? unhex(hmac, 32) : null;
  return bytes !== null && same(bytes, expected);
}

function unproven(port: number): Refusal {
  return new Refusal("port_taken", `What answers on port ${port} does not know the secret; nothing was sent to it.`);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
