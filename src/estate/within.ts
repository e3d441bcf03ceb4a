import type { Clock } from '../ports/clock.ts';

/** The answer to a question, or what `late` makes once it has taken so long (milliseconds); what was asked goes on. */
export async function within<T>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  question: Promise<T>,
  late: () => Error,
): Promise<T> {
  let cancel = () => {};
  const silence = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => reject(late()));
  });
  try {
    return await Promise.race([question, silence]);
  } finally {
    cancel();
  }
}
