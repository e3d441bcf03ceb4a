import { isAmbiguous } from './clientErrors.ts';
import type { WorkloadContext } from './context.ts';
import type { ClientSession, Statement } from './session.ts';
import { pause, type TokenBucket } from './tokenBucket.ts';

/** One client that only reads: single rows and short lists, as text and prepared. */
export async function runReader(context: WorkloadContext, session: ClientSession, bucket: TokenBucket): Promise<void> {
  for (let turn = 0; await bucket.take(1, context.signal); turn += 1) {
    const statement = readStatement(session.org.orgId, turn);
    try {
      await session.read(statement);
    } catch (error) {
      if (context.signal.aborted) return;
      context.errors.record(session.org.orgId, session.proxy.name, statement.sql, error);
      if (isAmbiguous(error)) session.disconnect();
      await pause(50, context.signal);
    }
  }
}

function readStatement(orgId: number, turn: number): Statement {
  const prepared = turn % 2 === 0;
  switch (turn % 5) {
    case 0:
      return {
        sql: "SELECT TaskID, Status, Payload FROM CdrTasks WHERE OrgID = ? AND Status = 'working' ORDER BY TaskID LIMIT 10",
        values: [orgId],
        prepared,
      };
    case 1:
      return {
        sql: 'SELECT CallLogID, StartedAt, CallerName, DurationMs FROM CallLogs WHERE OrgID = ? ORDER BY StartedAt DESC LIMIT 20',
        values: [orgId],
        prepared,
      };
    case 2:
      return {
        sql: "SELECT SUM(Calls) AS calls, MAX(Seconds) AS top FROM CompositeUsage WHERE OrgID = ? AND Feature = 'voice/4'",
        values: [orgId],
        prepared,
      };
    case 3:
      return {
        sql: 'SELECT RatePerMinute FROM WholesaleCallCostCache WHERE OrgID = ? AND CarrierID = ? AND Prefix = ?',
        values: [orgId, 1 + (turn % 5), `44${turn % 300}`],
        prepared,
      };
    default:
      return {
        sql: "SELECT LENGTH(Content) AS bytes FROM ApplicationBlob WHERE OrgID = ? AND BlobKey = 'seed/65536'",
        values: [orgId],
        prepared,
      };
  }
}
