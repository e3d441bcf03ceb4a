import type { SnapshotFrom } from 'xstate';
import { journalVersion, migrationMachine } from '../../statecharts/machine.ts';
import { JournalVersionError } from '../errors/store.ts';
import type { MigrationRow } from '../ports/store.ts';

/** The machine's snapshot, as `transition()` takes and gives it. */
export type Snapshot = SnapshotFrom<typeof migrationMachine>;

/** The snapshot of a stored journal. A state that this version does not know is refused, never guessed at. */
export function restoreSnapshot(row: MigrationRow): Snapshot {
  try {
    return migrationMachine.resolveState({
      value: row.journal.value as Snapshot['value'],
      context: row.journal.context,
    });
  } catch (cause) {
    throw new JournalVersionError(
      row.id,
      `state ${JSON.stringify(row.journal.value)} (${String(cause)})`,
      journalVersion,
    );
  }
}
