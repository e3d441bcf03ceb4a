import { nameOf, type TableName } from '../catalogue/catalogue.ts';
import { clusterOf } from '../estate/estate.ts';
import { CONTROL_SCHEMA } from '../fence/schema.ts';
import type { Finding } from '../ports/finding.ts';
import type { AccountFacts, Place } from '../ports/place.ts';
import type { EndpointAccount } from '../ports/replication.ts';
import type { Check } from './finding.ts';

/** What a task does as either end's user, on the product's tables and on the heartbeats. */
const onTables = { source: ['SELECT'], target: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] } as const;
/** A task reads the binlog of its source. */
const ofBinlog = ['REPLICATION CLIENT', 'REPLICATION SLAVE'];
const heartbeats: TableName = { schema: CONTROL_SCHEMA, table: 'heartbeat' };
/** Where a task keeps tables of its own at its target. */
const control: TableName = { schema: 'awsdms_control', table: '*' };

/**
 * The users that DMS's endpoints log in as may do what the tasks have to, where they have to; and the fence knows those
 * that write, or it would refuse every row. DMS's own test of a connection asks none of this.
 */
export const dmsAccountFindings: Check = async (estate, { homeRegion }) => {
  const endpoints = await estate.replication.endpointAccounts(homeRegion);
  const cluster = clusterOf(estate, homeRegion);
  const [site] = estate.sites;
  const tables = [...estate.tables, heartbeats, control];
  const answers = await Promise.all(
    endpoints.map(async (endpoint) => {
      const place = (endpoint.direction === 'forward') === (endpoint.role === 'source') ? site : cluster;
      if (endpoint.user === null) return [unknown(endpoint, place, 'DMS does not tell as whom the endpoint logs in')];
      const { accounts } = await place.accounts([endpoint.user], tables);
      const unfenced =
        endpoint.role === 'target' && !estate.fenceUsers[endpoint.direction].includes(endpoint.user)
          ? [notFenced(endpoint, endpoint.user, place)]
          : [];
      if (accounts === null) {
        return [...unfenced, unknown(endpoint, place, 'the controller may not see the accounts there')];
      }
      return [...unfenced, ...judged(endpoint, endpoint.user, place, accounts)];
    }),
  );
  return answers.flat();
};

function judged(
  { direction, role }: EndpointAccount,
  user: string,
  place: Place,
  accounts: readonly AccountFacts[],
): Finding[] {
  if (accounts.some(({ hasRoles }) => hasRoles)) return [];
  const has = (table: TableName, privilege: string) =>
    accounts.some((account) => account.onTables.get(nameOf(table))?.has(privilege));
  const wanted = [...(accounts[0]?.onTables.keys() ?? [])]
    .filter((table) => table !== nameOf(control))
    .flatMap((name) => {
      const [schema = '', table = ''] = name.split('.');
      return onTables[role]
        .filter((privilege) => !has({ schema, table }, privilege))
        .map((each) => `${each} on ${name}`);
    });
  const lacking = [
    ...(accounts.length === 0 ? ['the account itself'] : wanted),
    ...(role === 'source'
      ? ofBinlog
          .filter((privilege) => !accounts.some(({ everywhere }) => everywhere.has(privilege)))
          .map((privilege) => `${privilege} on *.*`)
      : ['CREATE', ...onTables.target]
          .filter((privilege) => !has(control, privilege))
          .map((privilege) => `${privilege} on ${nameOf(control)}`)),
  ];
  if (lacking.length === 0) return [];
  return [
    {
      code: 'DMS_PRIVILEGES_MISSING',
      severity: 'refuse',
      message: `${user}, the ${role} of the ${direction} tasks, lacks at ${place.name}: ${lacking.join(', ')}`,
      remedy: 'Grant it there; README.md lists what DMS’s accounts need.',
      evidence: { place: place.name, user, direction, role, lacking },
    },
  ];
}

function notFenced({ direction }: EndpointAccount, user: string, place: Place): Finding {
  return {
    code: 'DMS_USER_NOT_FENCED',
    severity: 'refuse',
    message: `${user}, as which the ${direction} tasks write at ${place.name}, is not among fence.users.${direction}: the fence would refuse every row`,
    remedy: 'Put it there, and run `bigdb-cutover fence install` again.',
    evidence: { place: place.name, user, direction },
  };
}

function unknown({ direction, role, user }: EndpointAccount, place: Place, why: string): Finding {
  return {
    code: 'DMS_PRIVILEGES_UNPROVEN',
    severity: 'warn',
    message: `what the ${role} of the ${direction} tasks may do at ${place.name} is not proven: ${why}`,
    remedy: 'Compare its grants with README.md, or let the controller see mysql.user, mysql.db and mysql.tables_priv.',
    evidence: { place: place.name, user, direction, role },
  };
}
