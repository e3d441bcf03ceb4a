import { createHash } from 'node:crypto';
import type { OrgTable } from '../ports/place.ts';
import type { FenceUsers } from './plan.ts';
import { CONTROL_SCHEMA, REFUSAL_PREFIX, TRIGGER_PREFIX } from './schema.ts';
import { literal, quoted } from './sql.ts';

/** What a trigger must know about where it runs. Sites share their triggers, because their schema replicates. */
export type TriggerSide =
  | { readonly kind: 'sites'; readonly places: readonly { readonly name: string; readonly serverId: number }[] }
  | { readonly kind: 'cluster'; readonly name: string };

export type TriggerEvent = 'INSERT' | 'UPDATE' | 'DELETE';
export const TRIGGER_EVENTS: readonly TriggerEvent[] = ['INSERT', 'UPDATE', 'DELETE'];

/** A trigger as it has to be. Its name holds a digest of its text: another text is another trigger. */
export interface FenceTrigger {
  readonly schema: string;
  readonly table: string;
  readonly event: TriggerEvent;
  readonly name: string;
  readonly createSql: string;
}

const LONGEST_NAME = 64;
const DIGEST_LENGTH = 8;

/** The three triggers of one org-owned table. */
export function fenceTriggers(table: OrgTable, side: TriggerSide, users: FenceUsers): readonly FenceTrigger[] {
  return TRIGGER_EVENTS.map((event) => {
    const body = triggerBody(table.orgColumn, event, side, users);
    const name = triggerName(table.table, event, body);
    const createSql = `CREATE TRIGGER ${quoted(table.schema)}.${quoted(name)} BEFORE ${event}
ON ${quoted(table.schema)}.${quoted(table.table)} FOR EACH ROW
${body}`;
    return { schema: table.schema, table: table.table, event, name, createSql };
  });
}

/** The statement that removes a trigger, whoever made it. */
export function dropTriggerSql(schema: string, name: string): string {
  return `DROP TRIGGER IF EXISTS ${quoted(schema)}.${quoted(name)}`;
}

function triggerName(table: string, event: TriggerEvent, body: string): string {
  const digest = createHash('sha256').update(`${table}\n${body}`).digest('hex').slice(0, DIGEST_LENGTH);
  const suffix = `_${event.charAt(0).toLowerCase()}_${digest}`;
  return `${TRIGGER_PREFIX}${table.slice(0, LONGEST_NAME - TRIGGER_PREFIX.length - suffix.length)}${suffix}`;
}

const LABEL = 'CHARACTER SET ascii COLLATE ascii_bin';

/**
 * The body. Who writes is asked first (USER() is who is logged on; CURRENT_USER() would be the definer); then the place's
 * own row is read with a shared lock that lasts as long as the transaction, so that closing the fence waits for it. A
 * plain read instead would see an old row and let a transaction commit after the fence has closed. The clause is written
 * out, because the servers add such a lock by themselves in some kinds of statements only.
 *
 * It runs for every row: what an open fence does is one look-up, all else comes only where that finds nothing.
 */
function triggerBody(orgColumn: string, event: TriggerEvent, side: TriggerSide, users: FenceUsers): string {
  const org = `${event === 'DELETE' ? 'OLD' : 'NEW'}.${quoted(orgColumn)}`;
  const row = `FROM ${CONTROL_SCHEMA}.fence f WHERE f.org_id = ${org} AND f.place = ${placeExpression(side)}`;
  return `BEGIN
  DECLARE v_class VARCHAR(16) ${LABEL} DEFAULT ${classExpression(side, users)};
${event === 'UPDATE' ? immutableOrg(orgColumn, side) : ''}  IF v_class <> 'exempt' AND NOT EXISTS (SELECT 1 ${row} AND f.writer = v_class LOCK IN SHARE MODE) THEN
    BEGIN
      DECLARE v_writer VARCHAR(16) ${LABEL} DEFAULT (SELECT f.writer ${row} LOCK IN SHARE MODE);
${side.kind === 'sites' ? unknownSite(org, side) : ''}      IF ${refusesWhen(side)} THEN
        ${signal(org, side, `' writer=', COALESCE(v_writer, 'none')`)}
      END IF;
    END;
  END IF;
END`;
}

function placeExpression(side: TriggerSide): string {
  if (side.kind === 'cluster') return literal(side.name);
  const cases = side.places.map(({ name, serverId }) => `WHEN ${serverId} THEN ${literal(name)}`).join(' ');
  return `CASE @@GLOBAL.server_id ${cases} END`;
}

/** Classes of the accounts that are none of the clients'. At a site the reverse task writes, at a cluster the forward one. */
function classExpression(side: TriggerSide, users: FenceUsers): string {
  const forward = ['forward', users.forward] as const;
  const reverse = ['reverse', users.reverse] as const;
  const tasks = side.kind === 'sites' ? [reverse, forward] : [forward, reverse];
  const classes = [['exempt', users.exempt] as const, ...tasks].filter(([, names]) => names.length > 0);
  if (classes.length === 0) return `'clients'`;
  // Quick and rough first, for the many: a name that begins like none of these belongs to a client.
  const beginnings = [...new Set(classes.flatMap(([, names]) => names.map((name) => name.split('@')[0] ?? name)))];
  // Then exactly: the host has no @, a name may have one. Names are compared as bytes, as they are case-sensitive.
  const user = `CAST(LEFT(USER(), CHAR_LENGTH(USER()) - CHAR_LENGTH(SUBSTRING_INDEX(USER(), '@', -1)) - 1) AS BINARY)`;
  const cases = classes.map(([name, names]) => `WHEN ${user} IN (${names.map(literal).join(', ')}) THEN '${name}'`);
  return `CASE WHEN SUBSTRING_INDEX(USER(), '@', 1) NOT IN (${beginnings.map(literal).join(', ')}) THEN 'clients'
    ${cases.join('\n    ')} ELSE 'clients' END`;
}

function immutableOrg(orgColumn: string, side: TriggerSide): string {
  const column = quoted(orgColumn);
  return `  IF NOT (OLD.${column} <=> NEW.${column}) THEN
    ${signal(`OLD.${column}`, side, `' a row cannot change its org'`)}
  END IF;
`;
}

/** On a server that is none of the sites (a stand-in after a failover), every place's row has to be open. */
function unknownSite(org: string, side: TriggerSide): string {
  return `      IF (${placeExpression(side)}) IS NULL THEN
        SET v_writer = (SELECT f.writer FROM ${CONTROL_SCHEMA}.fence f
          WHERE f.org_id = ${org} AND f.writer <> v_class ORDER BY f.place LIMIT 1 LOCK IN SHARE MODE);
      END IF;
`;
}

/** Without a row: an org newer than the installation writes on at the sites, and nobody writes it at a cluster. */
function refusesWhen(side: TriggerSide): string {
  return side.kind === 'cluster'
    ? 'v_writer IS NULL OR v_writer <> v_class'
    : `(v_writer IS NULL AND v_class <> 'clients') OR v_writer <> v_class`;
}

function signal(org: string, side: TriggerSide, rest: string): string {
  return `BEGIN
        DECLARE v_refusal VARCHAR(128) CHARACTER SET utf8mb4 DEFAULT LEFT(CONCAT('${REFUSAL_PREFIX}', COALESCE(${org}, 'NULL'),
          ' place=', COALESCE(${placeExpression(side)}, 'unknown'), ${rest}), 128);
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_refusal;
      END;`;
}
