import { describe, expect, it } from 'vitest';
import { parseTableMapping, sameSelection, tableMapping, tablesOf } from '../../src/adapters/dms/mapping.ts';
import { ReplicationRefusedError } from '../../src/errors/replication.ts';
import type { TaskPlan } from '../../src/ports/replication.ts';

const heartbeat = { schema: 'bigdb_cutover', table: 'heartbeat', orgColumn: 'org_id', siteColumn: 'site' };

function plan(changes: Partial<TaskPlan> = {}): TaskPlan {
  return {
    ref: { orgId: 42, homeRegion: 'eu-west-2', direction: 'forward', generation: 1 },
    tables: [
      { schema: 'BigDB', table: 'CdrTasks', orgColumn: 'OrgID' },
      { schema: 'BigDB', table: 'CallLogs', orgColumn: 'OrgID' },
    ],
    heartbeatSites: ['lon1', 'lon2'],
    largestLobBytes: 0,
    ...changes,
  };
}

describe('table mapping', () => {
  it('names every table exactly, with the org as an ANDed filter and the sites as ORed conditions', () => {
    expect(tableMapping(plan(), heartbeat)).toEqual({
      rules: [
        rule('1', 'BigDB', 'CdrTasks', [filter('OrgID', '42')]),
        rule('2', 'BigDB', 'CallLogs', [filter('OrgID', '42')]),
        rule('3', 'bigdb_cutover', 'heartbeat', [filter('org_id', '42'), filter('site', 'lon1', 'lon2')]),
      ],
    });
  });

  it('has a filter on every rule: one without would carry all orgs', () => {
    for (const one of tableMapping(plan(), heartbeat).rules) {
      expect(one.filters[0]?.['filter-conditions']).toEqual([{ 'filter-operator': 'eq', value: '42' }]);
    }
  });

  it('refuses what cannot be named exactly, an empty list, no heartbeat, and a table twice', () => {
    const one = { schema: 'BigDB', table: 'CdrTasks', orgColumn: 'OrgID' };
    const bad: Partial<TaskPlan>[] = [
      { tables: [{ ...one, table: 'Cdr%' }] },
      { tables: [{ ...one, schema: 'Big[D]B' }] },
      { tables: [] },
      { heartbeatSites: [] },
      { tables: [one, one] },
    ];
    for (const changes of bad) expect(() => tableMapping(plan(changes), heartbeat)).toThrow(ReplicationRefusedError);
  });

  it('is recognised again in another order, and not with another org', () => {
    const ours = tableMapping(plan(), heartbeat);
    const turned = parseTableMapping(JSON.stringify({ rules: [...ours.rules].reverse() }));
    expect(turned !== null && sameSelection(ours, turned)).toBe(true);
    const other = tableMapping(plan({ ref: { ...plan().ref, orgId: 4 } }), heartbeat);
    expect(sameSelection(ours, other)).toBe(false);
    const oneSite = tableMapping(plan({ heartbeatSites: ['lon1'] }), heartbeat);
    expect(sameSelection(ours, oneSite)).toBe(false);
  });

  it('reads the tables of an echoed mapping, and null from what is none', () => {
    expect(tablesOf(tableMapping(plan(), heartbeat))).toEqual([
      'BigDB.CdrTasks',
      'BigDB.CallLogs',
      'bigdb_cutover.heartbeat',
    ]);
    expect(parseTableMapping('{"rules":[{"rule-type":"transformation"}]}')).toBeNull();
    expect(parseTableMapping('nonsense')).toBeNull();
  });
});

function rule(id: string, schema: string, table: string, filters: unknown[]) {
  return {
    'rule-type': 'selection',
    'rule-id': id,
    'rule-name': id,
    'object-locator': { 'schema-name': schema, 'table-name': table },
    'rule-action': 'include',
    filters,
  };
}

function filter(column: string, ...values: string[]) {
  return {
    'filter-type': 'source',
    'column-name': column,
    'filter-conditions': values.map((value) => ({ 'filter-operator': 'eq', value })),
  };
}
