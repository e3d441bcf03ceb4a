import { digestOf, type QueryDigest } from '../rules/digest.ts';
import type { SeenDigest, Verdict } from '../rules/queryRules.ts';
import { Command } from '../wire/constants.ts';
import { frame } from '../wire/frames.ts';
import { PayloadReader } from '../wire/lengthEncoded.ts';
import { runOnBackend } from './execution.ts';
import { answerLocally, answerSet } from './localAnswers.ts';
import type { ClientSession } from './session.ts';

const MAX_CACHED = 1000;

/** COM_QUERY: past the rules, then answered by the proxy itself, from the cache, or by a backend. */
export async function handleQuery(session: ClientSession, payload: Buffer): Promise<void> {
  let sql = payload.toString('latin1', 1);
  const digest = digestOf(sql);
  session.runtime.statistics.count('Questions');
  session.beginRequest();
  if (answerTransactionEnd(session, sql)) return;
  const verdict = verdictOn(session, sql, digest);
  if (answerLocally(session, sql, digest.text)) return;
  let toSend = payload;
  if (verdict.newQuery !== undefined) {
    sql = verdict.newQuery;
    toSend = Buffer.concat([Buffer.from([Command.QUERY]), Buffer.from(sql, 'latin1')]);
  }
  if (answerByRule(session, verdict)) return;
  const set = session.lockedOnHostgroup === -1 ? answerSet(session, sql, digest.text) : 'not a SET';
  if (set === 'answered') return;
  if (verdict.destinationHostgroup !== undefined && session.transactionHostgroup === -1) {
    session.currentHostgroup = verdict.destinationHostgroup;
  }
  if (set === 'untracked' && verdict.multiplex === undefined) session.lockedOnHostgroup = session.currentHostgroup;
  if (/LAST_INSERT_ID|@@IDENTITY/i.test(digest.text) && answerLastInsertId(session, sql, verdict)) return;
  const cacheKey = cacheKeyOf(session, sql, verdict);
  if (cacheKey !== undefined && answerFromCache(session, cacheKey)) return;
  if (refuseLocked(session)) return;
  const pieces: Buffer[] = [];
  const summary = await runOnBackend(session, {
    command: 'Query',
    sql,
    digest,
    verdict,
    setsAutocommit: set === 'autocommit',
    run: (connection, forward) =>
      connection.run(toSend, 'query', (bytes) => {
        const shown = withPlainInfo(bytes);
        if (cacheKey !== undefined) pieces.push(shown);
        return forward(shown);
      }),
  });
  if (cacheKey !== undefined && summary?.errno === 0 && summary.numColumns > 0) {
    const validUntilMs = performance.now() + (verdict.cacheTtlMs ?? 0);
    if (session.runtime.queryCache.size >= MAX_CACHED) session.runtime.queryCache.clear();
    session.runtime.queryCache.set(cacheKey, { response: Buffer.concat(pieces), validUntilMs });
  }
}

/** The digest as rules see it: none without mysql-query_digests, with its comments under mysql-query_digests_keep_comment. */
function seenByRules({ runtime: { variables } }: ClientSession, sql: string, digest: QueryDigest): SeenDigest {
  if (!variables.boolean('mysql-query_digests')) return { ...digest, text: null };
  return variables.boolean('mysql-query_digests_keep_comment') ? digestOf(sql, true) : digest;
}

/** Asks the rules, with what the query before has left for this one. */
export function verdictOn(session: ClientSession, sql: string, digest: QueryDigest): Verdict {
  const subject = {
    user: session.user?.username ?? '',
    schema: session.state.schema,
    clientAddress: session.clientAddress,
    proxyPort: session.proxyPort,
  };
  const verdict = session.runtime.rules.process(
    subject,
    sql,
    seenByRules(session, sql, digest),
    Math.max(0, session.nextFlagIn),
  );
  if (verdict.nextFlagIn !== undefined) session.nextFlagIn = verdict.nextFlagIn;
  return verdict;
}

export function answerByRule(session: ClientSession, verdict: Verdict): boolean {
  if (verdict.okMessage !== undefined) {
    session.ok(verdict.okMessage);
    return true;
  }
  if (verdict.errorMessage !== undefined) {
    session.error(1148, '42000', verdict.errorMessage);
    return true;
  }
  return false;
}

/** Error 9006: a locked session cannot follow its route to another hostgroup. */
export function refuseLocked(session: ClientSession): boolean {
  const { lockedOnHostgroup: locked, currentHostgroup: wanted } = session;
  if (locked === -1 || locked === wanted) return false;
  const message = `ProxySQL Error: connection is locked to hostgroup ${locked} but trying to reach hostgroup ${wanted}`;
  session.error(9006, 'Y0000', message);
  return true;
}

/** COMMIT and ROLLBACK go where a transaction is open; without one the proxy says OK itself. */
function answerTransactionEnd(session: ClientSession, sql: string): boolean {
  if (session.lockedOnHostgroup !== -1 || !/^(?:commit|rollback)$/i.test(sql)) return false;
  for (const [hostgroup, backend] of session.backends) {
    if (backend?.inTransaction !== true) continue;
    session.currentHostgroup = hostgroup;
    return false;
  }
  session.ok();
  return true;
}

/** Where the last write went there is the right answer; else the proxy's own memory has it. */
function answerLastInsertId(session: ClientSession, sql: string, verdict: Verdict): boolean {
  const hostgroup = session.lastWriteHostgroup;
  if (hostgroup >= 0 && session.backends.get(hostgroup) !== undefined) {
    verdict.destinationHostgroup = hostgroup;
    session.currentHostgroup = hostgroup;
    return false;
  }
  const simple = /^SELECT (LAST_INSERT_ID\(\)|@@IDENTITY)(?: FROM DUAL| LIMIT 1)?$/i.exec(sql);
  verdict.cacheTtlMs = 0;
  if (simple === null) return false;
  session.result({ columns: [simple[1] as string], rows: [[String(session.lastInsertId)]], numeric: true });
  return true;
}

/**
 * Servers put a length in front of an OK's message, ProxySQL does not, and clients go by its answer. Only for a response
 * that is nothing but one OK: there is no message in others that matter.
 */
function withPlainInfo(bytes: Buffer): Buffer {
  if (bytes[4] !== 0 || bytes.length <= 12 || bytes.length > 260 || bytes.readUIntLE(0, 3) + 4 !== bytes.length)
    return bytes;
  const reader = new PayloadReader(bytes, 5);
  reader.lengthEncodedInteger();
  reader.lengthEncodedInteger();
  reader.uint32();
  if (reader.left === 0 || reader.left !== (bytes[reader.offset] as number) + 1) return bytes;
  return frame(
    Buffer.concat([bytes.subarray(4, reader.offset), bytes.subarray(reader.offset + 1)]),
    bytes[3] as number,
  );
}

function cacheKeyOf(session: ClientSession, sql: string, verdict: Verdict): string | undefined {
  if (!verdict.cacheTtlMs) return undefined;
  const capabilities = session.login?.capabilities ?? 0;
  return `${session.user?.username}\0${session.state.schema}\0${capabilities}\0${sql}`;
}

function answerFromCache(session: ClientSession, key: string): boolean {
  const cached = session.runtime.queryCache.get(key);
  if (cached === undefined) return false;
  if (cached.validUntilMs < performance.now()) {
    session.runtime.queryCache.delete(key);
    return false;
  }
  session.forward(cached.response);
  if (session.transactionHostgroup === -1) session.currentHostgroup = -1;
  return true;
}
