/** Waits until something holds; fails, saying how things stand, when it does not come. */
export async function until(
  holds: () => boolean,
  milliseconds = 5000,
  standing: () => string = () => "",
): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!holds()) {
    if (Date.now() > end)
      throw new Error(`It did not come within ${milliseconds} ms: ${holds.toString()}\n${standing()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
