/** Commands and modal scopes: batchPlay resolves with its errors, and only one program is modal at a time. */

import { CommandRefused, faults } from "./faults.ts";
import type { Descriptor, ModalContext, Photoshop } from "./modules.ts";
import { HostError } from "../host.ts";

const USER_CANCELLED = -128;
const HOST_IS_MODAL = 9;
const TRIES = 8;
const PAUSE = 400;

/** Plays commands, each result looked at. Throws CommandRefused for the first that failed, a HostError for a cancel. */
export async function play(photoshop: Photoshop, commands: readonly Descriptor[]): Promise<readonly Descriptor[]> {
  const results = await photoshop.batchPlay(commands, false);
  commands.forEach((command, index) => {
    const fault = refusal(command, results[index]);
    if (fault !== null) throw fault;
  });
  return results;
}

/** Asks for one thing, null where Photoshop has no answer. Reading needs no modal scope. */
export async function ask(photoshop: Photoshop, question: Descriptor): Promise<Descriptor | null> {
  const [answer] = await askAll(photoshop, [question]);
  return answer ?? null;
}

/** Asks for several things at once, each answered or null. */
export async function askAll(photoshop: Photoshop, questions: readonly Descriptor[]): Promise<(Descriptor | null)[]> {
  if (questions.length === 0) return [];
  let answers: readonly Descriptor[];
  try {
    answers = await photoshop.batchPlay(questions, true);
  } catch {
    return questions.map(() => null); // while Photoshop is modal nothing can be asked; the next look asks again
  }
  return questions.map((question, index) => {
    const answer = answers[index];
    return answer === undefined || refusal(question, answer) !== null ? null : answer;
  });
}

function refusal(command: Descriptor, result: Descriptor | undefined): Error | null {
  if (result === undefined) return new CommandRefused(command._obj, null, "no answer");
  const code = typeof result.result === "number" ? result.result : null;
  if (code === USER_CANCELLED) return faults.cancelled();
  if (result._obj !== "error") return null;
  return new CommandRefused(command._obj, code, typeof result.message === "string" ? result.message : "refused");
}

/**
 * Runs `work`, which only calls Photoshop, in a modal scope of its own. Throws a HostError when Photoshop stays busy
 * or the person cancels; what else `work` throws goes through, so that Photoshop ends the scope as failed.
 */
export async function modal<T>(
  photoshop: Photoshop,
  commandName: string,
  work: (context: ModalContext) => Promise<T>,
  pause: (milliseconds: number) => Promise<void> = wait,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    let entered: ModalContext | null = null;
    try {
      return await photoshop.executeAsModal(commandName, async (context) => {
        entered = context;
        return await work(context);
      });
    } catch (error) {
      if (error instanceof HostError) throw error;
      if (isCancelled(entered)) throw faults.cancelled();
      if (entered !== null || numberOf(error) !== HOST_IS_MODAL) throw error;
      if (tries === TRIES) throw faults.busy();
    }
    await pause(PAUSE);
  }
}

/** One step of the document's history for all that `work` does; none, and nothing changed, when it throws. */
export async function oneStep<T>(
  context: ModalContext,
  document: number,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const suspension = await context.hostControl.suspendHistory({ documentID: document, name });
  try {
    const result = await work();
    await context.hostControl.resumeHistory(suspension, true);
    return result;
  } catch (error) {
    if (!context.isCancelled) await context.hostControl.resumeHistory(suspension, false);
    throw error;
  }
}

function isCancelled(context: ModalContext | null): boolean {
  return context !== null && context.isCancelled;
}

function numberOf(error: unknown): number | null {
  const value = typeof error === "object" && error !== null && "number" in error ? error.number : null;
  return typeof value === "number" ? value : null;
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
