/** Every call to After Effects, typed. Today they go through CEP's evalScript to `jsx/call.jsx`; a UXP host would
 *  implement `Calls` itself and keep the rest. */

import { HostError } from "../host.ts";
import type { ClipSource, Imported } from "../host.ts";

/** The composition and the layer that a frame was taken of. */
export interface Origin {
  readonly comp: number;
  readonly layer: number;
}

/** What `look` sees; `key` names the composition from one start to the next. */
export interface Seen {
  readonly document: string | null;
  readonly key: string | null;
  readonly clip: ClipSource | null;
  readonly frame: number | null;
  readonly mask: string | null;
  readonly notes: readonly string[];
}

/** A frame that After Effects begins to write. */
export interface Begun {
  readonly path: string;
  /** The clip's size, which the frame's is to be. */
  readonly width: number;
  readonly height: number;
  readonly origin: Origin;
}

export interface Bringing {
  readonly layer: string | null;
  readonly flat: string | null;
  readonly start: number;
  readonly name: string;
  readonly clip: string | null;
  readonly origin: Origin | null;
}

export interface Calls {
  /** The program's name, and the folder of the bridge's token and discovery file. */
  hello(): Promise<{ name: string; config: string }>;
  look(): Promise<Seen>;
  /** Another text whenever `look` may see something else. */
  pulse(): Promise<string>;
  begin(what: "picture" | "mask"): Promise<Begun>;
  /** Whether the frame of `begin` is whole on disk. */
  ready(path: string): Promise<boolean>;
  discard(path: string): Promise<void>;
  bring(result: Bringing): Promise<Imported>;
  choose(): Promise<ClipSource | null>;
  reveal(path: string): Promise<void>;
}

export type Evaluate = (script: string) => Promise<string>;

/** Calls that wait for a person, or for what After Effects renders and imports, take as long as they take. */
const UNHURRIED: ReadonlySet<string> = new Set(["begin", "ready", "discard", "bring", "choose"]);

export function callsThrough(evaluate: Evaluate, patience = 30_000): Calls {
  const call = async <T>(name: keyof Calls, argument?: unknown): Promise<T> => {
    const answering = evaluate(scriptOf(name, argument));
    return answerOf(name, await (UNHURRIED.has(name) ? answering : within(patience, answering))) as T;
  };
  return {
    hello: () => call("hello"),
    look: () => call("look"),
    pulse: () => call("pulse"),
    begin: (what) => call("begin", what),
    ready: (path) => call("ready", path),
    discard: (path) => call("discard", path),
    bring: (result) => call("bring", result),
    choose: () => call("choose"),
    reveal: (path) => call("reveal", path),
  };
}

/** ExtendScript that makes the call, in ASCII. */
export function scriptOf(name: string, argument: unknown): string {
  const request = JSON.stringify({ call: name, with: argument ?? null });
  const literal = JSON.stringify(request);
  const ascii = literal.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `$.global.videoshopPanel.call(${ascii})`;
}

/** What the script answered; throws a HostError where it is a fault, or no answer. */
export function answerOf(name: string, text: string): unknown {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // CEP answers "EvalScript error." when the script is not there or was stopped.
    throw new HostError("host.no_answer", `After Effects did not answer “${name}”.`, "Close and open the panel; if it stays, restart After Effects.");
  }
  if (typeof answer === "object" && answer !== null && "fault" in answer) {
    const { code, message, hint } = answer.fault as { code: string; message: string; hint: string };
    throw new HostError(code, message, hint);
  }
  return typeof answer === "object" && answer !== null && "ok" in answer ? answer.ok : null;
}

async function within<T>(milliseconds: number, answering: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new HostError("host.busy", "After Effects does not answer.", "It may be rendering, or wait in a dialog: finish that first."));
    }, milliseconds);
  });
  try {
    return await Promise.race([answering, over]);
  } finally {
    clearTimeout(timer);
  }
}
