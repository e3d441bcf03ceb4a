import { type Connection, createConnection } from 'mysql2/promise';
import { percentile, ratio } from '../figures.ts';

/** Who writes, and for which org. */
export interface Clients {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly orgId: number;
}

/** Two tables alike, of which one has the triggers. */
export interface Tables {
  readonly fenced: string;
  readonly bare: string;
}

/** Medians with the triggers (`value`) and without (`floor`), microseconds per statement. */
export interface Cost {
  readonly value: number;
  readonly floor: number;
  readonly ratio: number;
}

/** Per kind of write. */
export interface Costs {
  readonly singleRow: Cost;
  readonly thousandRows: Cost;
  readonly sixteenWriters: Cost;
}

const writers = 16;
/** Rounds alternate between the two tables, so that whatever else the machine does meets both alike. */
const rounds = 12;
const singleRows = 200;
const thousands = 6;
const rowsPerWriter = 40;

/** Times the same statements on both tables; the first round of each is not counted. */
export async function measureCosts(clients: Clients, tables: Tables, signal: AbortSignal): Promise<Costs> {
  const { host, port, user, password } = clients;
  const connections: Connection[] = [];
  try {
    for (let n = 0; n < writers; n++) connections.push(await createConnection({ host, port, user, password }));
    const [first] = connections;
    if (first === undefined) throw new TypeError('there is at least one writer');
    const insert = (rows: number) => (table: string, connection: Connection) =>
      connection.query(
        `INSERT INTO ${table} (OrgID, StartedAt, Direction, CallerNumber, CalleeNumber, SipCallId) VALUES ?`,
        [Array.from({ length: rows }, (_, n) => row(clients.orgId, n))],
      );
    const compare = async (round: (table: string) => Promise<number[]>): Promise<Cost> => {
      const times = { fenced: [] as number[], bare: [] as number[] };
      for (let n = 0; n <= rounds; n++) {
        signal.throwIfAborted();
        // Who comes first alternates too.
        for (const which of n % 2 === 0 ? (['bare', 'fenced'] as const) : (['fenced', 'bare'] as const)) {
          const taken = await round(tables[which]);
          if (n > 0) times[which].push(...taken);
        }
      }
      const [value, floor] = [percentile(times.fenced, 0.5), percentile(times.bare, 0.5)];
      return { value, floor, ratio: ratio(value, floor) };
    };
    return {
      singleRow: await compare((table) => timed(singleRows, () => insert(1)(table, first))),
      thousandRows: await compare((table) => timed(thousands, () => insert(1_000)(table, first))),
      sixteenWriters: await compare(async (table) => {
        const each = connections.map((connection) => timed(rowsPerWriter, () => insert(1)(table, connection)));
        return (await Promise.all(each)).flat();
      }),
    };
  } finally {
    for (const connection of connections) connection.destroy();
  }
}

function row(orgId: number, n: number): unknown[] {
  return [orgId, '2026-01-01 00:00:00', 'in', '+442071234567', '+442079876543', `bench-${n}@example.invalid`];
}

/** Microseconds of each of so many statements, one after the other. */
async function timed(times: number, statement: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let n = 0; n < times; n++) {
    const startedAtMs = performance.now();
    await statement();
    taken.push((performance.now() - startedAtMs) * 1_000);
  }
  return taken;
}
