import { CutoverError } from './base.ts';

/** The store did not answer. */
export class StoreUnavailableError extends CutoverError {
  readonly code = 'STORE_UNAVAILABLE';
  readonly remedy = 'Check the store’s database; the controller goes on by itself when it answers.';
  readonly transient = true;
}

/** Another controller owns the migration now, or its journal has moved on. */
export class OwnershipLostError extends CutoverError {
  readonly code = 'OWNERSHIP_LOST';
  readonly remedy = 'None needed: the new owner goes on with the migration.';
  readonly migrationId: string;
  readonly epoch: number;

  constructor(migrationId: string, epoch: number) {
    super(`migration ${migrationId} is not owned by epoch ${epoch} any more`, { details: { migrationId, epoch } });
    this.migrationId = migrationId;
    this.epoch = epoch;
  }
}

/** The journal holds a snapshot of a version that this controller does not know. */
export class JournalVersionError extends CutoverError {
  readonly code = 'JOURNAL_VERSION_UNKNOWN';
  readonly remedy = 'Run the controller version that wrote the journal, or upgrade this one.';
  readonly migrationId: string;
  readonly found: unknown;
  readonly known: number;

  constructor(migrationId: string, found: unknown, known: number) {
    super(`migration ${migrationId}: journal version ${String(found)} is not known here (this is ${known})`, {
      details: { migrationId, found, known },
    });
    this.migrationId = migrationId;
    this.found = found;
    this.known = known;
  }
}

/** The store's schema was made by a newer version of this program. */
export class StoreSchemaNewerError extends CutoverError {
  readonly code = 'STORE_SCHEMA_NEWER';
  readonly remedy = 'Upgrade this controller; it changes nothing in a schema that it does not know.';
  constructor(found: number, known: number) {
    super(`the store's schema has version ${found}; this program knows ${known}`, { details: { found, known } });
  }
}

/** All hold hostgroups of the configured range are in use. */
export class HoldHostgroupsSpentError extends CutoverError {
  readonly code = 'HOLD_HOSTGROUPS_SPENT';
  readonly remedy = 'Widen routing.holdHostgroups in the configuration, or wait until other flips have ended.';
  constructor(from: number, to: number) {
    super(`no hold hostgroup is free between ${from} and ${to}`, { details: { from, to } });
  }
}
