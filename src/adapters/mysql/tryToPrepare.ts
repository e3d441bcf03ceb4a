import type { PrepareRefusal, StatementForm } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { errorNumber, SERVER_ERROR } from './failures.ts';
import { quoted } from './identifiers.ts';
import type { Session } from './session.ts';

const SYNTAX_ERROR = 1064;
/** Known to no server's prepared statements, run or not. */
const NOT_PREPARABLE = 1295;
/** Nothing of the statement's own: the server was busy with the table, or ended it. */
const PASSING: readonly number[] = [SERVER_ERROR.lockWaitTimeout, SERVER_ERROR.queryInterrupted];

/** Prepares statements and runs none of them: what a server refuses here it would refuse its clients. */
export function tryToPrepare(
  { bulk }: PlaceContext,
  statements: readonly StatementForm[],
  signal?: AbortSignal,
): Promise<readonly (PrepareRefusal | null)[]> {
  return bulk.use(
    'preparing statements',
    async (session) => {
      try {
        // As clients have it, but for what the escaping of values rests on.
        await session.run(`SET SESSION sql_mode = REPLACE(@@GLOBAL.sql_mode, 'NO_BACKSLASH_ESCAPES', '')`, [], {
          signal,
        });
        const answers: (PrepareRefusal | null)[] = [];
        for (const statement of statements) answers.push(await prepared(session, statement, signal));
        return answers;
      } finally {
        // Neither the mode nor the schema is the next borrower's.
        session.discard(new Error('the connection was used up for preparing statements'));
      }
    },
    { signal },
  );
}

async function prepared(
  session: Session,
  { schema, sql }: StatementForm,
  signal: AbortSignal | undefined,
): Promise<PrepareRefusal | null> {
  try {
    await session.run(`USE ${quoted(schema)}`, [], { signal });
    await session.run('PREPARE preflight FROM ?', [sql], { signal });
    await session.run('DEALLOCATE PREPARE preflight', [], { signal });
    return null;
  } catch (error) {
    const errno = errorNumber(error);
    if (errno === null || errno < 1_000 || PASSING.includes(errno)) throw error;
    if (errno === NOT_PREPARABLE) return null;
    return { errno, message: errno === SYNTAX_ERROR ? null : (error as Error).message };
  }
}
