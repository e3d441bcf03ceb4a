/**
 * Runs the tasks that `next` gives (null: no more) with `depth` of them begun at a time, and hands their results to
 * `done` in the order in which they were begun. On a failure nothing new is begun, what runs is waited for.
 */
export async function inOrder<T>(
  depth: number,
  next: () => Promise<(() => Promise<T>) | null>,
  done: (result: T) => Promise<void>,
): Promise<void> {
  const running: Promise<T>[] = [];
  let exhausted = false;
  try {
    for (;;) {
      while (!exhausted && running.length < depth) {
        const task = await next();
        if (task === null) {
          exhausted = true;
        } else {
          const result = task();
          // Looked at when its turn comes; until then a failure has nobody who listens.
          result.catch(() => {});
          running.push(result);
        }
      }
      const first = running.shift();
      if (first === undefined) return;
      await done(await first);
    }
  } finally {
    await Promise.allSettled(running);
  }
}
