import { CommandCounters } from './commandCounters.ts';
import { digestHash } from './rules/digest.ts';

/** Figures of one digest for one user, schema and hostgroup. */
export interface DigestFigures {
  readonly hostgroup: number;
  readonly schema: string;
  readonly user: string;
  readonly text: string;
  count: number;
  readonly firstSeen: number;
  lastSeen: number;
  sumUs: number;
  minUs: number;
  maxUs: number;
  rowsAffected: number;
  rowsSent: number;
}

/** Errors of one number that one server answered one user in one schema with. */
export interface ErrorFigures {
  readonly hostgroup: number;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly clientAddress: string;
  readonly schema: string;
  readonly errno: number;
  count: number;
  readonly firstSeen: number;
  lastSeen: number;
  lastError: string;
}

const MAX_DIGESTS = 20_000;

/** Counters that the tables of the schema `stats` are made of. */
export class Statistics {
  readonly digests = new Map<string, DigestFigures>();
  readonly errors = new Map<string, ErrorFigures>();
  readonly counters = new Map<string, number>();
  readonly commands = new CommandCounters();

  count(name: string, by = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }

  query(
    query: Pick<DigestFigures, 'hostgroup' | 'schema' | 'user' | 'text' | 'rowsAffected' | 'rowsSent'>,
    elapsedUs: number,
  ): void {
    this.commands.count(query.text, elapsedUs);
    const key = `${query.hostgroup}\0${query.schema}\0${query.user}\0${query.text}`;
    const now = Math.floor(Date.now() / 1000);
    let figures = this.digests.get(key);
    if (figures === undefined) {
      if (this.digests.size >= MAX_DIGESTS) return;
      figures = {
        ...query,
        count: 0,
        firstSeen: now,
        lastSeen: now,
        sumUs: 0,
        minUs: elapsedUs,
        maxUs: 0,
        rowsAffected: 0,
        rowsSent: 0,
      };
      this.digests.set(key, figures);
    }
    figures.count++;
    figures.lastSeen = now;
    figures.sumUs += elapsedUs;
    figures.minUs = Math.min(figures.minUs, elapsedUs);
    figures.maxUs = Math.max(figures.maxUs, elapsedUs);
    figures.rowsAffected += query.rowsAffected;
    figures.rowsSent += query.rowsSent;
  }

  /** A server answered a statement with an error. The client's address is that of the first who met it. */
  error(error: Omit<ErrorFigures, 'count' | 'firstSeen' | 'lastSeen'>): void {
    const key = [error.hostgroup, error.host, error.port, error.user, error.schema, error.errno].join('\0');
    const now = Math.floor(Date.now() / 1000);
    const figures = this.errors.get(key) ?? { ...error, count: 0, firstSeen: now, lastSeen: now };
    figures.count++;
    figures.lastSeen = now;
    figures.lastError = error.lastError;
    this.errors.set(key, figures);
  }

  /** Rows of stats_mysql_errors. */
  *errorRows(): Generator<(string | number)[]> {
    for (const e of this.errors.values()) {
      const { hostgroup, host, port, user, clientAddress, schema, errno } = e;
      yield [hostgroup, host, port, user, clientAddress, schema, errno, e.count, e.firstSeen, e.lastSeen, e.lastError];
    }
  }

  /** Rows of stats_mysql_query_digest. */
  *digestRows(): Generator<(string | number)[]> {
    for (const f of this.digests.values()) {
      yield [
        f.hostgroup,
        f.schema,
        f.user,
        '',
        digestHash(f.text),
        f.text,
        f.count,
        f.firstSeen,
        f.lastSeen,
        Math.round(f.sumUs),
        Math.round(f.minUs),
        Math.round(f.maxUs),
        f.rowsAffected,
        f.rowsSent,
      ];
    }
  }
}
