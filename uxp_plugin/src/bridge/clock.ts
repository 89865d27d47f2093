/** Time, so that tests can turn it. */

export interface Clock {
  /** Calls back after some milliseconds; returns how to prevent it. */
  after(milliseconds: number, then: () => void): () => void;
}

export const systemClock: Clock = {
  after(milliseconds, then) {
    const timer = setTimeout(then, milliseconds);
    return () => clearTimeout(timer);
  },
};

export function slept(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(milliseconds, resolve);
  });
}

/** The promise, or what `late` throws when it takes longer. */
export async function within<T>(clock: Clock, milliseconds: number, promise: Promise<T>, late: () => Error): Promise<T> {
  let prevent = (): void => undefined;
  const over = new Promise<never>((_, reject) => {
    prevent = clock.after(milliseconds, () => reject(late()));
  });
  try {
    return await Promise.race([promise, over]);
  } finally {
    prevent();
  }
}
