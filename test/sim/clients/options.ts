import type { RoutedAnswer } from '../proxy/session.ts';
import type { SimProcess } from '../time/process.ts';
import type { Random } from '../time/random.ts';
import type { Ledger, LedgerRow, Version } from './ledger.ts';

/** A connection as a client has it: to a proxy, or past them to a site. */
export interface ClientConnection {
  readonly open: boolean;
  query(sql: string): Promise<RoutedAnswer>;
  close(): void;
}

/** How a client lives. */
export interface ClientHabits {
  /** Between two pieces of work (milliseconds). */
  readonly thinkMs: readonly [number, number];
  /** Share of transactions among the work, and how long one is held open (milliseconds). */
  readonly transactions: number;
  readonly holdMs: readonly [number, number];
  /** Share of transactions that are held open for very long (milliseconds). */
  readonly longTransactions: number;
  readonly longHoldMs: readonly [number, number];
  /** Share of transactions whose BEGIN carries no annotation. */
  readonly forgetful: number;
}

export interface ClientOptions {
  readonly name: string;
  readonly orgId: number;
  readonly tables: readonly string[];
  readonly process: SimProcess;
  readonly random: Random;
  readonly ledger: Ledger;
  /** Who goes past the proxies sees a site, whoever serves. */
  readonly reads: boolean;
  readonly habits: ClientHabits;
  /** Put before each statement; empty where orgs are not told apart by comment. */
  readonly annotation: string;
  /** Row ids from here on are this client's own. */
  readonly firstId: number;
  connect(): Promise<ClientConnection>;
  /** Told of what a read must not show: `seen` is older than what another side had acknowledged before. */
  onStaleRead(row: LedgerRow, before: { version: Version; host: string }, seen: Version, host: string): void;
  /** Told of each answer or failure of a statement that writes. */
  onWrite(outcome: 'acknowledged' | 'refused' | 'unknown', waitedMs: number, error: unknown): void;
}
