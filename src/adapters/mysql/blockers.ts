import { z } from 'zod';
import { messageOf } from '../../errors/index.ts';
import type { PlaceContext } from './context.ts';
import { nullableInteger, nullableText } from './rows.ts';

const blockerRow = z.object({
  threadId: nullableInteger,
  user: nullableText,
  host: nullableText,
  ageSeconds: nullableInteger,
});

/** A transaction that others wait for; without its statements, which hold customers' data. */
export type Blocker = z.infer<typeof blockerRow> | { readonly unknown: string };

/** Who keeps the lock that the thread waits for. Never throws: an error must not hide the wait that it explains. */
export async function blockersOf({ watch }: PlaceContext, threadId: number): Promise<readonly Blocker[]> {
  try {
    return await watch.use('asking who blocks', (session) =>
      session.rows(blockerRow, session.dialect.blockers, [threadId], { timeoutMs: 500 }),
    );
  } catch (error) {
    return [{ unknown: messageOf(error) }];
  }
}
