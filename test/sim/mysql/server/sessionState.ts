import type { Value } from '../sql/value.ts';
import type { LockMode, MustWait } from '../storage/locks.ts';
import type { Transaction } from '../storage/transaction.ts';

/** What a statement answered. */
export interface Result {
  /** Null for a statement that gives no rows. */
  readonly rows: readonly (readonly Value[])[] | null;
  readonly columns: readonly string[];
  readonly affectedRows: number;
  readonly insertId: number;
  /** SERVER_STATUS_IN_TRANS. */
  readonly inTransaction: boolean;
}

/** A connection as the tables about connections show it. */
export interface SessionView {
  readonly id: number;
  readonly user: string;
  readonly host: string;
  readonly running: boolean;
  readonly queryId: number;
  readonly transaction: Transaction | null;
}

/** Thrown to what runs when its connection ends at the server. */
export class SessionEnded extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'SessionEnded';
  }
}

/** Thrown out of GET_LOCK where another session has the lock. */
export class MustWaitForName {
  readonly name: string;
  readonly seconds: number;

  constructor(name: string, seconds: number) {
    this.name = name;
    this.seconds = seconds;
  }
}

export type Obstacle = MustWait | MustWaitForName;
export type { LockMode };
