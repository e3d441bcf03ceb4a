import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, parseConfig, policyDefaults } from '../../src/config/index.ts';
import { ConfigInvalidError } from '../../src/errors/config.ts';
import { exampleEnv, examplePath, exampleText, exampleWith, faultsOf } from './example.ts';

describe('the example', () => {
  it('loads, with secrets resolved and every default as documented', () => {
    const config = loadConfig(examplePath, exampleEnv);
    expect(config.policy).toEqual(policyDefaults);
    expect(config.sites.map((site) => site.name)).toEqual(['lon1', 'lon2']);
    expect(config.store.password).toBe('value of CUTOVER_STORE_PASSWORD');
    expect(config.store.tls).toEqual({ minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true });
    for (const place of [config.coredb, ...config.sites, ...config.clusters, ...config.proxies]) {
      expect(place.tls).toEqual(config.store.tls);
    }
  });

  it('has the same defaults where optional parts are left out', () => {
    const policyLess = exampleText.slice(0, exampleText.indexOf('# What holds for every move'));
    const text = policyLess
      .replace(/ {2}http:.*\n.*\n.*\n.*\n/, '')
      .replace(/ {2}(logLevel|pollIntervalMs|taskPrefix|connectTimeoutMs|schema|comment|user: org_).*\n/g, '')
      .replace(/ {2}(table|orgColumn|homeRegionColumn): .*\n/g, '');
    const folder = mkdtempSync(join(tmpdir(), 'cutover-config-'));
    try {
      writeFileSync(join(folder, 'short.yaml'), text);
      expect(loadConfig(join(folder, 'short.yaml'), exampleEnv)).toEqual(loadConfig(examplePath, exampleEnv));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a configuration with faults', () => {
  it('names a cluster or an endpoint that two regions share', () => {
    const text = exampleWith(
      [
        'host: bigdb.cluster-example.us-east-1.rds.amazonaws.com',
        'host: BigDB.cluster-example.eu-west-2.rds.amazonaws.com',
      ],
      [
        'targetEndpointArn: arn:aws:dms:us-east-1:123456789012:endpoint:AURORATARGET',
        'targetEndpointArn: arn:aws:dms:eu-west-2:123456789012:endpoint:AURORATARGET',
      ],
    );
    expect(faultsOf(text, exampleEnv).map(({ path }) => path)).toEqual([
      // It is of another region, and has another region's tasks.
      'dms.regions.us-east-1.forward.targetEndpointArn',
      'clusters[1].host',
      'dms.regions.us-east-1.forward.targetEndpointArn',
    ]);
  });

  it('names calm figures of the source’s load that are not below their limits', () => {
    const text = exampleWith(
      ['calmThreads: 48', 'calmThreads: 65'],
      ['calmLagMs: 3000', 'calmLagMs: 10001'],
      ['# calmFreeDiskBytes: 80000000000', 'calmFreeDiskBytes: 80000000000'],
    );
    expect(faultsOf(text, exampleEnv).map(({ path }) => path)).toEqual([
      'sourceLoad.calmThreads',
      'sourceLoad.calmLagMs',
      'sourceLoad.calmFreeDiskBytes',
    ]);
  });

  it('tells all of them at once, each with path, position, cause and remedy', () => {
    const text = exampleWith(
      ['port: 3306', 'port: many'],
      ['  name: cutover-a', '  nmae: cutover-a'],
      ['readerHostgroup: 11', 'readerHostgroup: 20'],
      ['role: viewer', 'role: reader'],
    );
    const faults = faultsOf(text, { ...exampleEnv, CUTOVER_LON2_PASSWORD: '' });
    expect(faults.map((fault) => fault.path).toSorted()).toEqual([
      'controller.name',
      'controller.nmae',
      'routing.clusters.eu-west-2.writerHostgroup',
      'sites[1].password',
      'store.port',
      'tokens[0].role',
    ]);
    for (const fault of faults) {
      expect(fault.position).toMatch(/^\d+:\d+$/);
      expect(fault.cause).not.toBe('');
      expect(fault.remedy).not.toBe('');
    }
    const port = faults.find((fault) => fault.path === 'store.port');
    const line = text.split('\n').findIndex((each) => each.includes('port: many')) + 1;
    expect(port?.position).toBe(`${line}:9`);
  });

  it('says so in the message, which never carries a secret', () => {
    const text = exampleWith(['{ env: CUTOVER_STORE_PASSWORD }', 'hunter2hunter2']);
    const error = (() => {
      const folder = mkdtempSync(join(tmpdir(), 'cutover-config-'));
      try {
        writeFileSync(join(folder, 'a.yaml'), text);
        loadConfig(join(folder, 'a.yaml'), { ...exampleEnv, CUTOVER_COREDB_PASSWORD: '' });
      } catch (thrown) {
        return thrown;
      } finally {
        rmSync(folder, { recursive: true });
      }
    })();
    expect(error).toBeInstanceOf(ConfigInvalidError);
    const { message, details } = error as ConfigInvalidError;
    expect(message).toMatch(/2 faults\n {2}store\.password \(line \d+:\d+\): is not a reference to a secret\. Write/);
    expect(message).toMatch(/CUTOVER_COREDB_PASSWORD is empty/);
    expect(JSON.stringify([message, details])).not.toContain('hunter2');
  });

  it.each([
    ['a file that is not there', '/nonexistent/cutover.yaml'],
    ['a folder', tmpdir()],
  ])('is %s', (_what, path) => {
    expect(() => loadConfig(path, {})).toThrow(/cannot be read/);
  });

  it.each([
    ['a syntax fault', 'controller:\n  name: "a\n'],
    ['a key that stands twice', 'store: {}\nstore: {}\n'],
    ['a tag', 'store: !secret abc\n'],
    ['two documents', 'store: {}\n---\nstore: {}\n'],
  ])('has %s, told with its position', (_what, text) => {
    const [fault] = faultsOf(text);
    expect(fault?.position).toMatch(/^\d+:\d+$/);
  });

  it('is empty: every section is missing', () => {
    expect(faultsOf('')[0]?.cause).toMatch(/expected object/);
    expect(faultsOf('{}').map((fault) => fault.path)).toEqual(
      expect.arrayContaining(['controller', 'tokens', 'store', 'coredb', 'sites', 'clusters', 'dms', 'proxies']),
    );
  });
});

describe('a single fault', () => {
  it.each<[path: string, ...change: [string, string]]>([
    ['tokens[0].sha256', 'sha256: 8b1f', 'sha256: xx'],
    [
      'tokens[1].sha256',
      '1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f',
      '8B1F3B9A7D4C5E2F60718293A4B5C6D7E8F90A1B2C3D4E5F60718293A4B5C6D7',
    ],
    ['tokens[1].name', 'name: migration-engineers', 'name: dashboard'],
    ['sites[1].serverId', 'serverId: 2', 'serverId: 1'],
    ['clusters[0].name', 'name: bigdb-eu-west-2', 'name: lon2'],
    ['dms.regions', '    us-east-1:\n      region', '    eu-west-3:\n      region'],
    ['dms.regions.eu-west-3', '    us-east-1:\n      region', '    eu-west-3:\n      region'],
    ['dms.regions.eu-west-2.replicationInstanceArn', 'arn:aws:dms:eu-west-2:123456789012:rep:BIGDBEUWEST2', 'BIGDB'],
    ['dms.taskPrefix', 'taskPrefix: bigdb', 'taskPrefix: Big--DB'],
    ['dms.pollIntervalMs', 'pollIntervalMs: 5000', 'pollIntervalMs: 0.5'],
    ['proxies[1].adminPort', 'host: proxysql-1.nexus-us.example.net', 'host: proxysql-1.nexus-eu.example.net'],
    ['routing.by', 'by: user ', 'by: tenant '],
    ['routing.user', 'user: org_{orgId}', 'user: org'],
    ['routing.comment', 'OrgID={orgId} */', 'OrgID={orgId}'],
    ['routing.ruleIds', 'ruleIds: { from: 500000', 'ruleIds: { from: 599999'],
    ['routing.sentinelRuleId', 'sentinelRuleId: 2000000000', 'sentinelRuleId: 599999'],
    ['routing.source.writerHostgroup', 'source: { writerHostgroup: 10', 'source: { writerHostgroup: 500000'],
    ['routing.clusters', '    us-east-1: { writer', '    us-east-2: { writer'],
    ['routing.clusters.us-east-2', '    us-east-1: { writer', '    us-east-2: { writer'],
    ['catalogue.techTables[0]', 'table: Toolbox', 'table: CallLogs'],
    ['catalogue.tables[0].orgColumn', ', orgColumn: OrgID', ''],
    ['catalogue.tables[0].table', 'table: CdrTasks', 'table: "Cdr`Tasks"'],
    ['fence.users.reverse[0]', '[dms_reverse]', '[cutover_purge]'],
    ['sites[0].purge.user', 'user: cutover_purge', 'user: somebody'],
    ['policy.flipBudgetMs', 'flipBudgetMs: 3000', 'flipBudgetMs: 10000'],
    ['policy.flipBackoffMs', 'flipBackoffMs: 1000', 'flipBackoffMs: 60001'],
    ['policy.approval', 'approval: manual', 'approval: nobody'],
    ['store.tls.caFile', 'tls: {} ', 'tls: { caFile: missing.pem } '],
    ['store.tls.verify', 'tls: {} ', 'tls: { verify: false } '],
    ['store.tls', 'tls: {} ', 'tls: true '],
    ['store.tls', '  tls: {} ', '  '],
    ['coredb.tls', 'PASSWORD }\n  tls: {}', 'PASSWORD }'],
    ['sites[0].tls', 'LON1_PURGE_PASSWORD } }\n    tls: {}', 'LON1_PURGE_PASSWORD } }'],
    ['clusters[1].tls', 'US_EAST_1_PURGE_PASSWORD } }\n    tls: {}', 'US_EAST_1_PURGE_PASSWORD } }'],
    ['proxies[0].tls', 'takes it.\n    tls: {}', 'takes it.'],
    ['store.host', 'host: cutover-store.cluster-example.eu-west-2.rds.amazonaws.com', 'host: 10.0.0.9'],
    ['coredb.host', 'host: coredb.example.net', 'host: "::1"'],
    ['controller.http.tls', 'host: 127.0.0.1', 'host: 0.0.0.0'],
    ['controller.http.tls.keyFile', '    rateLimit', '    tls: { certFile: api.pem }\n    rateLimit'],
    ['store.password', '{ env: CUTOVER_STORE_PASSWORD }', '{ file: missing.txt }'],
    ['store.password', '{ env: CUTOVER_STORE_PASSWORD }', '{ env: CUTOVER_STORE_PASSWORD, file: a }'],
    ['store.password', '  password: { env: CUTOVER_STORE_PASSWORD }\n', ''],
  ])('%s: %j → %j', (path, from, to) => {
    const faults = faultsOf(exampleWith([from, to]));
    expect(faults.map((fault) => fault.path)).toContain(path);
    // Nothing else is blamed for it, but the other side of the same contradiction.
    expect(faults.length).toBeLessThanOrEqual(2);
  });
});

describe('a connection that is not encrypted', () => {
  it('needs no word on this machine', () => {
    const local = exampleText.replaceAll(/host: [\w.-]+/g, 'host: 127.0.0.1').replaceAll(/^ +tls: \{\}.*\n/gm, '');
    // The proxies have one address now, which is no fault of this kind.
    expect(faultsOf(local).filter((fault) => fault.path.endsWith('tls'))).toEqual([]);
  });

  it('is made where the configuration asks for it', () => {
    const asked = exampleWith(['  tls: {} ', '  tls: false '], ['host: 127.0.0.1', 'host: 0.0.0.0\n    tls: false']);
    const { store, controller } = parseConfig(asked, { file: 'a.yaml', folder: '/nonexistent', env: exampleEnv });
    expect(store.tls).toBeUndefined();
    expect(controller.http.tls).toBeUndefined();
  });
});

describe('a secret in the wrong place is not repeated', () => {
  const jwt = (keys: string) => exampleWith(['store:\n', `jwt: { issuer: a, audience: b, keys: ${keys} }\nstore:\n`]);

  it.each([
    ['in a URL of keys', jwt('{ url: "https://me:hunter2@login.example.net/keys" }'), 'jwt.keys'],
    [
      'in the URL of DMS',
      exampleWith(['region: eu-west-2    #', 'region: eu-west-2\n      endpoint: https://me:hunter2@dms/ #']),
      'dms.regions.eu-west-2.endpoint',
    ],
  ])('%s', (_, text, path) => {
    const faults = faultsOf(text);
    expect(faults.map((fault) => fault.path.startsWith(path))).toEqual([true]);
    expect(JSON.stringify(faults)).not.toContain('hunter2');
  });

  it('in a file that should hold keys', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cutover-config-'));
    try {
      writeFileSync(join(folder, 'keys.json'), 'hunter2');
      writeFileSync(join(folder, 'a.yaml'), jwt('{ file: keys.json }'));
      expect(() => loadConfig(join(folder, 'a.yaml'), exampleEnv)).toThrow(/keys.json is not JSON/);
      expect(() => loadConfig(join(folder, 'a.yaml'), exampleEnv)).not.toThrow(/hunter2/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('secrets and certificates in files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cutover-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are read relative to the configuration, without the last line break', () => {
    writeFileSync(join(folder, 'password.txt'), 'a b\n');
    writeFileSync(join(folder, 'ca.pem'), 'PEM');
    const path = join(folder, 'cutover.yaml');
    writeFileSync(
      path,
      exampleWith(
        ['{ env: CUTOVER_STORE_PASSWORD }', '{ file: password.txt }'],
        ['tls: {} ', 'tls: { caFile: ca.pem } '],
      ),
    );
    const { store } = loadConfig(path, exampleEnv);
    expect(store.password).toBe('a b');
    expect(store.tls?.ca).toBe('PEM');
  });

  it('are a fault when empty', () => {
    writeFileSync(join(folder, 'password.txt'), '\n');
    const path = join(folder, 'cutover.yaml');
    writeFileSync(path, exampleWith(['{ env: CUTOVER_STORE_PASSWORD }', '{ file: password.txt }']));
    expect(() => loadConfig(path, exampleEnv)).toThrow(/password.txt is empty/);
  });
});
