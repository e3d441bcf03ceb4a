import { z } from 'zod';
import { CONTROL_SCHEMA, TRIGGER_PREFIX } from '../../../fence/schema.ts';
import type { Finding } from '../../../ports/finding.ts';

import { errorNumber } from '../failures.ts';
import { fenceRowOn } from '../fenceRow.ts';
import { readIdentity } from '../identity.ts';
import { integer, text } from '../rows.ts';
import type { FindingsInput } from './input.ts';

const INSTALL = 'Run `bigdb-cutover fence install`.';

const triggerRow = z.object({ table: text, event: text, triggers: integer });
const countRow = z.object({ found: integer });

/** The fence and what belongs to it: triggers, rows, and who the place says that it is. */
export async function fenceFindings(input: FindingsInput): Promise<readonly Finding[]> {
  const { context, session, orgId } = input;
  const place = context.key.name;
  const found: Finding[] = [...(await triggerFindings(input))];
  const schema = await session.row(
    countRow,
    `SELECT COUNT(*) AS found FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN ('fence', 'heartbeat', 'pin_probe')`,
    [CONTROL_SCHEMA],
  );
  if (schema?.found !== 3) {
    found.push({
      code: 'FENCE_NOT_INSTALLED',
      severity: 'refuse',
      message: `${place} has no fence`,
      remedy: INSTALL,
      evidence: { place, tablesFound: schema?.found },
    });
    return found;
  }

  found.push(...(await identityFindings(input)));
  if ((await fenceRowOn(session, place, orgId)) === null) {
    found.push({
      code: 'FENCE_ROW_MISSING',
      severity: 'refuse',
      message: `org ${orgId} has no fence row at ${place}`,
      remedy: INSTALL,
      evidence: { place, orgId },
    });
  }
  found.push(...(await heartbeatFindings(input)));
  return found;
}

async function triggerFindings({ context, session, tables }: FindingsInput): Promise<readonly Finding[]> {
  const place = context.key.name;
  const found: Finding[] = [];
  for (const { schema, table } of tables) {
    const there = await session.row(
      countRow,
      'SELECT COUNT(*) AS found FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
      [schema, table],
    );
    // That it is missing is the finding.
    if (there?.found === 0) continue;
    const rows = await session.rows(
      triggerRow,
      `SELECT EVENT_OBJECT_TABLE AS \`table\`, EVENT_MANIPULATION AS event, COUNT(*) AS triggers
       FROM information_schema.TRIGGERS
       WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? AND ACTION_TIMING = 'BEFORE' AND LEFT(TRIGGER_NAME, ?) = ?
       GROUP BY EVENT_OBJECT_TABLE, EVENT_MANIPULATION`,
      [schema, table, TRIGGER_PREFIX.length, TRIGGER_PREFIX],
    );
    const events = rows.map((row) => row.event);
    const missing = ['INSERT', 'UPDATE', 'DELETE'].filter((event) => !events.includes(event));
    if (missing.length === 0) continue;
    found.push({
      code: 'FENCE_TRIGGERS_MISSING',
      severity: 'refuse',
      message: `${schema}.${table} at ${place} is not fenced against ${missing.join(', ')}`,
      remedy: INSTALL,
      evidence: { place, schema, table, missing },
    });
  }
  return found;
}

async function identityFindings({ context, session }: FindingsInput): Promise<readonly Finding[]> {
  const { key } = context;
  let says: string;
  try {
    const identity = await readIdentity(session, key);
    if (identity.name === key.name && identity.homeRegion === key.homeRegion) return [];
    says = `${identity.name} (${identity.homeRegion ?? 'no region'})`;
  } catch (error) {
    // A server's error other than a missing table is not a finding but a failure.
    if (errorNumber(error) !== null && errorNumber(error) !== NO_SUCH_TABLE) throw error;
    says = 'nobody: it has no identity row';
  }
  return [
    {
      code: 'PLACE_IDENTITY_MISMATCH',
      severity: 'refuse',
      message: `what is configured as ${key.name} says that it is ${says}`,
      remedy: 'Compare the configured host, server id and home region with the place itself.',
      evidence: { place: key.name, homeRegion: key.homeRegion, says },
    },
  ];
}

const NO_SUCH_TABLE = 1146;

async function heartbeatFindings({ context, session, orgId }: FindingsInput): Promise<readonly Finding[]> {
  const place = context.key.name;
  const missing: string[] = [];
  const own = await session.row(
    countRow,
    `SELECT COUNT(*) AS found FROM ${CONTROL_SCHEMA}.heartbeat WHERE org_id = ? AND site = ?`,
    [orgId, place],
  );
  if (own?.found !== 1) missing.push('its own');
  if (context.key.kind === 'site') {
    // The reverse task loads nothing, it only updates: the clusters' rows have to be here before.
    const clusters = await session.row(
      countRow,
      `SELECT COUNT(*) AS found FROM ${CONTROL_SCHEMA}.heartbeat
       WHERE org_id = ? AND site NOT IN (SELECT f.place FROM ${CONTROL_SCHEMA}.fence f WHERE f.org_id = ?)`,
      [orgId, orgId],
    );
    if (clusters?.found === 0) missing.push('those of the clusters');
  }
  if (missing.length === 0) return [];
  return [
    {
      code: 'HEARTBEAT_ROW_MISSING',
      severity: 'refuse',
      message: `org ${orgId} lacks heartbeat rows at ${place}: ${missing.join(', ')}`,
      remedy: INSTALL,
      evidence: { place, orgId, missing },
    },
  ];
}
