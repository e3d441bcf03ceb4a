import { compareOrg, type Mismatch } from '../../../src/verification/index.ts';
import type { Benchmark, BenchOptions, BenchResult } from '../benchmark.ts';
import { percentile, ratio } from '../figures.ts';
import { plainStatementMs } from './floor.ts';
import { bareConnection, orgId, type Pair, startPair, table } from './pair.ts';
import { ptTableSyncMs } from './peer.ts';

/** As a controller has it. */
const viewsPerSide = 2;
/** Times that floor and comparison take turns, so that a machine's moods meet both. */
const turns = 5;

/** How fast an org's rows are compared, beside one plain statement over them. */
export const verify: Benchmark = {
  name: 'verify',
  about: 'rows per second of the comparison: call logs of 300 bytes at a site and a cluster',
  async run(options) {
    const pair = await startPair(options.rows, options.signal, options.say);
    try {
      return await measure(pair, options);
    } finally {
      await pair.stop();
    }
  },
};

async function measure(pair: Pair, { rows, signal, say }: BenchOptions): Promise<BenchResult> {
  const floors: number[] = [];
  const values: number[] = [];
  let rssMb = 0;
  const rssBeforeMb = residentMb();
  for (let turn = 0; turn <= turns; turn++) {
    signal.throwIfAborted();
    const floorMs = await plainStatementMs(pair);
    const { ms, mismatches, highestRssMb } = await compare(pair, rows, signal);
    if (mismatches.length > 0) throw new Error(`equal sides were found different: ${JSON.stringify(mismatches)}`);
    rssMb = Math.max(rssMb, highestRssMb);
    say(`turn ${turn}: plain statement ${Math.round(floorMs)} ms, comparison ${Math.round(ms)} ms`);
    // The first reads rows from the disk.
    if (turn === 0) continue;
    floors.push((rows / floorMs) * 1_000);
    values.push((rows / ms) * 1_000);
  }
  say('pt-table-sync --print');
  const peerMs = await ptTableSyncMs(pair, signal);
  const value = Math.round(percentile(values, 0.5));
  const floor = Math.round(percentile(floors, 0.5));
  const peer = typeof peerMs === 'number' ? Math.round((rows / peerMs) * 1_000) : peerMs;
  const foundOfPlanted = await plantAndFind(pair, rows, signal);
  return {
    name: verify.name,
    value,
    unit: 'rows/s',
    floor,
    ratio: ratio(value, floor),
    better: 'higher',
    toReach: "0.8 or better, under 200 MB, 2.2 × pt-table-sync's, every planted fault found",
    reached:
      value >= 0.8 * floor &&
      rssMb < 200 &&
      (typeof peer !== 'number' || value >= 2.2 * peer) &&
      foundOfPlanted === '5/5',
    slowest: `the slower server's checksums: ${Math.round(1e8 / value) / 100} µs a row, views and chunks included`,
    toHalve: 'more views on each side at once, where the servers have processors for them',
    rows,
    peer,
    timesPeer: typeof peer === 'number' ? ratio(value, peer) : null,
    rssMb,
    rssBeforeMb,
    foundOfPlanted,
    servers: pair.servers.map(({ flavour, version }) => `${flavour} ${version}`),
  };
}

const residentMb = () => Math.round(process.memoryUsage.rss() / 1e6);

async function compare(pair: Pair, rows: number, signal: AbortSignal) {
  const source = await pair.site.openViews(viewsPerSide, signal);
  const target = await pair.cluster.openViews(viewsPerSide, signal);
  try {
    let highestRssMb = 0;
    const startedAt = performance.now();
    const result = await compareOrg({
      source: { views: source, shapes: await pair.site.shapes([table]) },
      target: { views: target, shapes: await pair.cluster.shapes([table]) },
      tables: [table],
      orgId,
      signal,
      onProgress: () => {
        highestRssMb = Math.max(highestRssMb, residentMb());
      },
    });
    const ms = performance.now() - startedAt;
    if (result.rows !== rows) throw new Error(`${result.rows} of ${rows} rows were compared`);
    return { ms, highestRssMb, mismatches: result.sample };
  } finally {
    await Promise.all([...source, ...target].map((view) => view.close()));
  }
}

/** Plants a fault of each kind at the cluster; `found/planted`, and nothing else. */
async function plantAndFind(pair: Pair, rows: number, signal: AbortSignal): Promise<string> {
  const middle = Math.floor(rows / 2);
  const faults: readonly [id: number, fault: string, kind: Mismatch['kind']][] = [
    [1, "UPDATE CallLogs SET Notes = CONCAT(Notes, ' ') WHERE CallLogID = 1", 'different'],
    [
      middle,
      `UPDATE CallLogs SET StartedAt = StartedAt - INTERVAL 1 MICROSECOND WHERE CallLogID = ${middle}`,
      'different',
    ],
    [middle + 1, `UPDATE CallLogs SET CallerName = NULL, Codec = '' WHERE CallLogID = ${middle + 1}`, 'different'],
    [rows, `DELETE FROM CallLogs WHERE CallLogID = ${rows}`, 'missing'],
    [
      rows + 5,
      `INSERT INTO CallLogs (CallLogID, OrgID, StartedAt, Direction, CallerNumber, CalleeNumber, SipCallId)
        VALUES (${rows + 5}, ${orgId}, NOW(6), 'in', '1', '2', 'extra')`,
      'extra',
    ],
  ];
  const connection = await bareConnection(pair.servers[1]);
  try {
    await connection.query(`USE ${table.schema}`);
    for (const [, statement] of faults) await connection.query(statement);
  } finally {
    connection.destroy();
  }
  const { mismatches } = await compare(pair, rows, signal);
  const found = faults.filter(([id, , kind]) =>
    mismatches.some((mismatch) => mismatch.kind === kind && mismatch.key.CallLogID === String(id)),
  );
  const others = mismatches.length - found.length;
  return `${found.length}/${faults.length}${others === 0 ? '' : `, and ${others} that nobody planted`}`;
}
