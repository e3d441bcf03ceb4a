import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { MYSQL_SETTINGS } from '../../infra/lab/databases/mysql.ts';
import { exampleText } from '../config/example.ts';
import { sourcesIn, textOf } from '../docs/documents.ts';
import { blockOf, moduleText, terraformFiles } from './hcl.ts';

const region = moduleText('region');

/** Parameters of the cluster's group, without those that are the region's own. */
function parameters(): Map<string, string> {
  const group = blockOf(region, 'resource "aws_rds_cluster_parameter_group" "cluster"');
  const found = group.matchAll(/parameter \{\s+name\s+= "(\w+)"\s+value\s+= (?:"([^"]*)"|(\S+))/g);
  return new Map([...found].map(([, name = '', text, expression]) => [name, text ?? expression ?? '']));
}

it('gives the controller exactly the calls of DMS that its sources make', () => {
  const [, imported = ''] =
    /import \{([^}]*)\} from '@aws-sdk\/client-database-migration-service'/.exec(
      textOf('src/adapters/dms/sdkApi.ts'),
    ) ?? [];
  const called = [...imported.matchAll(/(\w+)Command\b/g)].map(([, name = '']) => `dms:${name}`);
  expect(called).toContain('dms:CreateReplicationTask');
  const policy = blockOf(region, 'resource "aws_iam_role_policy" "controller"');
  const allowed = [...policy.matchAll(/"(dms:\w+|[a-z0-9]+:\*)"/g)].map(([, action = '']) => action);
  expect(allowed.toSorted()).toEqual(called.toSorted());
});

it('knows every AWS service that the sources use', () => {
  const clients = sourcesIn('src').flatMap(({ text }) => [...text.matchAll(/@aws-sdk\/client-([\w-]+)/g)]);
  expect(new Set(clients.map(([, name]) => name))).toEqual(new Set(['database-migration-service']));
});

it('sets what the lab’s clusters have, with which every preflight of the tests passes', () => {
  // Aurora's own, or of the lab's small machine.
  const labs =
    /^(innodb-|sync-binlog|skip-|secure-|mysqlx|server-id|log-bin$|max-connections|explicit-|collation-|gtid-|enforce-gtid|binlog-expire|default-time-zone)/;
  const wanted = Object.entries(MYSQL_SETTINGS).filter(([name]) => !labs.test(name));
  const ours = parameters();
  const same = (value: string) => value.replace(/^ON$/, '1').replace(/^64M$/, String(64 * 1024 * 1024));
  expect(wanted.length).toBeGreaterThanOrEqual(5);
  for (const [name, value] of wanted) expect(ours.get(name.replaceAll('-', '_')), name).toBe(same(value));
});

it('sets every variable by which preflight refuses a cluster', () => {
  const read = sourcesIn('src/adapters/mysql')
    .flatMap(({ text }) => [...text.matchAll(/@@GLOBAL\.(\w+)/g)])
    .map(([, name = '']) => name);
  expect(read).toContain('binlog_row_image');
  const notOfAGroup = new Set([
    // Aurora's own: it sets them, or has the binlog's retention elsewhere (the output `once_at_the_cluster`).
    ...['log_bin', 'server_id', 'read_only', 'innodb_read_only', 'aurora_version', 'max_connections'],
    ...['binlog_expire_logs_seconds', 'gtid_executed'],
    // Only warned of, and the platform's own choice.
    'collation_server',
    // MariaDB's alone, read at sites.
    ...['expire_logs_days', 'gtid_binlog_pos', 'gtid_current_pos', 'gtid_domain_id', 'log_slave_updates'],
    ...['slave_run_triggers_for_rbr', 'datadir'],
  ]);
  const ours = parameters();
  expect([...new Set(read)].filter((name) => !ours.has(name) && !notOfAGroup.has(name))).toEqual([]);
  expect(ours.get('require_secure_transport')).toBe('ON');
});

it('gives its endpoints what the lab’s have, all of them encrypted', () => {
  const [, attributes] = /ExtraConnectionAttributes: "([^"]+)"/.exec(textOf('infra/lab/estate/endpoints.ts')) ?? [];
  expect(attributes).toMatch(/^initstmt=/);
  expect(region).toContain(`target_attributes = "${attributes}"`);
  const endpoint = blockOf(region, 'resource "aws_dms_endpoint" "endpoint"');
  expect(endpoint).toMatch(/ssl_mode\s+= "verify-full"/);
  const engines = [...blockOf(region, 'endpoints = ').matchAll(/type = "(\w+)", engine = "(\w+)"/g)];
  expect(engines.map(([, type, engine]) => `${type} ${engine}`)).toEqual([
    'source mariadb',
    'target aurora',
    'source aurora',
    'target mariadb',
  ]);
});

it('names secrets as the example configuration refers to them, and holds none', () => {
  const example = parse(exampleText);
  for (const { homeRegion, password, purge } of example.clusters) {
    const prefix = `CUTOVER_${homeRegion.toUpperCase().replaceAll('-', '_')}`;
    expect([password, purge.password]).toEqual([{ env: `${prefix}_PASSWORD` }, { env: `${prefix}_PURGE_PASSWORD` }]);
  }
  const outputs = blockOf(region, 'output "ecs_secrets"');
  for (const suffix of ['_PASSWORD', '_PURGE_PASSWORD']) {
    expect(outputs).toMatch(new RegExp(`name = "\\$\\{local\\.variable_prefix\\}${suffix}"`));
  }
  for (const { path, text } of terraformFiles()) {
    expect(text, path).not.toMatch(/aws_secretsmanager_secret_version|master_password\s|^\s*password\s+= "/m);
  }
});

it('has an example for each home region of the example configuration', () => {
  const examples = terraformFiles().filter(({ path }) => path.startsWith('examples/'));
  const regions = parse(exampleText).clusters.map(({ homeRegion }: { homeRegion: string }) => homeRegion);
  expect(examples.map(({ path }) => path)).toEqual(regions.map((name: string) => `examples/${name}/main.tf`));
  const offsets = examples.map(({ text }) => /auto_increment_offset\s+= (\d+)/.exec(text)?.[1]);
  expect(new Set(offsets).size).toBe(examples.length);
});
