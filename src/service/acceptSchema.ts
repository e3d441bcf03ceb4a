import { stateName } from '../driver/stateName.ts';
import { CommandNotAllowedError, ShapesDifferError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { acceptSchema, isAccepted, lookAtSchema, textsOf } from '../estate/schema.ts';
import type { MigrationRow } from '../ports/store.ts';
import type { Actor } from './status.ts';

/** Reasons in `needsOperator` that a schema gives, and that its acceptance takes away. */
const ofSchema: ReadonlySet<string> = new Set(['SCHEMA_DRIFT', 'SHAPES_DIFFER', 'TABLE_NOT_COMPARABLE']);

/**
 * Takes the schema as it is now for the one that the move rests on, once both sides agree. What waits for it sees that
 * in the store, whichever controller it runs in. True where the migration stopped for it and has to be told to retry.
 *
 * Throws `ShapesDifferError` while the sides differ, `CommandNotAllowedError` before the snapshot and after the end.
 */
export async function acceptSchemaOf(
  estate: Estate,
  row: MigrationRow,
  reason: string | undefined,
  actor: Actor,
): Promise<boolean> {
  const { id, ended, journal } = row;
  const { context } = journal;
  if (ended || (await estate.store.getRecord(id, 'snapshot')) === null) {
    throw new CommandNotAllowedError('schema accept', row.state, []);
  }
  const look = await lookAtSchema(estate, context);
  if (look.differences.length > 0) throw new ShapesDifferError(textsOf(look.differences));
  if (!isAccepted(look)) {
    // The record of who accepted it comes first: a schema is never accepted by nobody.
    await estate.store.note(id, [
      {
        atMs: estate.clock.nowMs(),
        type: 'command',
        state: stateName(journal.value),
        attempt: context.attempt || null,
        message: `schema accepted by ${actor.name}${reason === undefined ? '' : `: ${reason}`}: ${look.changes.join('; ')}`,
        data: {
          command: 'schema accept',
          actor: actor.name,
          from: actor.from,
          reason: reason ?? null,
          changes: look.changes,
        },
      },
    ]);
    await acceptSchema(estate, id, look.schema);
  }
  return row.state === 'needsOperator' && ofSchema.has(context.reason?.code ?? '');
}
