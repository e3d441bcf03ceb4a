import type { Estate } from '../estate/estate.ts';
import type { AttemptRow, MigrationRow } from '../ports/store.ts';
import { type Observed, observe } from './observed.ts';

/** What the store knows of one org's newest migration. */
export interface Journal {
  /** Null where the org never had a migration. */
  readonly migration: MigrationRow | null;
  /** The last attempt, either way; null where there was none. */
  readonly attempt: AttemptRow | null;
  /** The owner said lately that it is alive. */
  readonly ownerAlive: boolean;
}

/** Milliseconds after the owner's last word in which it counts as alive. */
const aliveForMs = 2_000;

export function readJournal(estate: Estate, orgId: number): Promise<Observed<Journal>> {
  const { store, clock } = estate;
  return observe(clock, async () => {
    const migration = await store.newestOf(orgId);
    if (migration === null) return { migration, attempt: null, ownerAlive: false };
    const { attempt } = migration.journal.context;
    const [row, ownerAlive] = await Promise.all([
      attempt === 0 ? null : store.getAttempt(migration.id, attempt),
      migration.owner === null ? false : store.isAlive(migration.owner, aliveForMs),
    ]);
    return { migration, attempt: row, ownerAlive };
  });
}
