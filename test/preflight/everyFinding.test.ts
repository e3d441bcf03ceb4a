import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { namesIn, projectFolder, sectionsOf, textOf } from '../docs/documents.ts';

/** What has its case beside this folder, where it is made. */
const elsewhere: Readonly<Record<string, string>> = {
  DMS_CONNECTION_UNTESTED: 'test/http/orgs.test.ts',
  DMS_TASK_QUOTA_EXHAUSTED: 'test/replication/faults.test.ts',
  DMS_TASK_QUOTA_LOW: 'test/replication/faults.test.ts',
  ORG_COLUMN_MISSING: 'test/places/suites/definitions.ts',
  PRIMARY_KEY_MISSING: 'test/places/suites/definitions.ts',
  PREFLIGHT_TIMEOUT: 'test/service/preflight.test.ts',
  STATEMENTS_NOT_ATTRIBUTED: 'test/routing/attribution.test.ts',
};
/** What cannot be brought about on this machine: an endpoint stands still, a server's start decides. */
const without = ['DMS_ENDPOINT_NOT_ACTIVE', 'SITE_NOT_MARIADB', 'SLAVE_UPDATES_NOT_LOGGED'];

test('every finding of the runbook has a case that brings it about', () => {
  const folder = join(projectFolder, 'test/preflight');
  const cases = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts') && name !== 'everyFinding.test.ts')
    .map((name) => textOf(`test/preflight/${name}`))
    .join('\n');
  const sections = sectionsOf(textOf('RUNBOOK.md')).map(({ title }) => title);
  const [from, to] = ['Findings of preflight', 'Before and after the flip'].map((title) => sections.indexOf(title));
  const codes = sections.slice(from, to).flatMap(namesIn);
  expect(codes.length).toBeGreaterThan(50);
  const has = (text: string, code: string) => new RegExp(`\\b${code}\\b`).test(text);
  const missing = codes.filter((code) => {
    const file = elsewhere[code];
    return !has(cases, code) && !without.includes(code) && (file === undefined || !has(textOf(file), code));
  });
  expect(missing).toEqual([]);
  const told = [...Object.keys(elsewhere), ...without];
  expect(told.filter((code) => !codes.includes(code) || has(cases, code))).toEqual([]);
});
