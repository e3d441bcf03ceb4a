import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseInvocation } from '../../src/cli/args.ts';
import { buildApp } from '../../src/http/app.ts';
import type { FleetService } from '../../src/service/fleetStatus.ts';
import type { OperationsService } from '../../src/service/operations.ts';
import type { OrgService } from '../../src/service/orgs.ts';
import type { PlanService } from '../../src/service/plans.ts';
import type { PurgeService } from '../../src/service/purgeAnswer.ts';
import type { RoutingService } from '../../src/service/routing.ts';
import type { MigrationService } from '../../src/service/status.ts';
import type { WaveService } from '../../src/service/waves.ts';
import type { WebhookService } from '../../src/service/webhooks.ts';
import { codeIn, documents, sourcesIn, textOf } from './documents.ts';

const packageFile = z.object({ scripts: z.record(z.string(), z.string()) });

test.each(documents())('%s names scripts that package.json has', (document) => {
  const { scripts } = packageFile.parse(JSON.parse(textOf('package.json')));
  const named = [...textOf(document).matchAll(/\bnpm (?:run ([\w:-]+)|(test))\b/g)].map(([, run, own]) => run ?? own);
  expect(named.filter((name) => name !== undefined && !(name in scripts))).toEqual([]);
});

test.each(documents())('%s shows command lines that the program takes', (document) => {
  const env = { BIGDB_CUTOVER_TOKEN: 'token', BIGDB_CUTOVER_DB_PASSWORD: 'password' };
  const refused = commandLines(textOf(document)).flatMap((line) => {
    try {
      // In running text a command may be named without its configuration.
      parseInvocation(wordsOf(/^(serve|fence)\b(?!.*--config)/.test(line) ? `${line} --config FILE` : line), env);
      return [];
    } catch (error) {
      return [`${line}: ${String(error)}`];
    }
  });
  expect(refused).toEqual([]);
});

test.each(documents())('%s names options of the lab and variables that exist', (document) => {
  const text = textOf(document);
  const sources = [...sourcesIn('src'), ...sourcesIn('infra')].map((source) => source.text).join('\n');
  const lab = textOf('infra/lab/main.ts');
  const options = codeIn(text)
    .filter((line) => line.startsWith('npm run lab -- '))
    .flatMap((line) => [...line.matchAll(/ --([\w-]+)/g)].map(([, option = '']) => option));
  expect(options.filter((option) => !lab.includes(`${option}: {`))).toEqual([]);
  const variables = [...text.matchAll(/\b(BIGDB_CUTOVER_[A-Z_]+|PROXYSQL_BIN)\b/g)].map(([name]) => name);
  expect(variables.filter((name) => !sources.includes(name))).toEqual([]);
});

test('the paths of the API that the documents name are served', async () => {
  const token = 'token';
  const sha256 = createHash('sha256').update(token).digest('hex');
  // The description is made from the routes alone: no service is asked.
  const app = buildApp({
    service: {} as MigrationService,
    operations: {} as OperationsService,
    fleet: {} as FleetService,
    routing: {} as RoutingService,
    orgs: {} as OrgService,
    plans: {} as PlanService,
    waves: {} as WaveService,
    purges: {} as PurgeService,
    webhooks: {} as WebhookService,
    tokens: [{ name: 't', role: 'viewer', sha256 }],
    version: '0',
  });
  const reply = await app.inject({ url: '/openapi.json', headers: { authorization: `Bearer ${token}` } });
  await app.close();
  const { paths } = z.object({ paths: z.record(z.string(), z.unknown()) }).parse(reply.json());
  const named = documents().flatMap((document) =>
    [...textOf(document).matchAll(/\/(?:v1\/[\w/{}]+|healthz|readyz)/g)].map(([path]) =>
      path.replace('/ID', '/{id}').replace('/NAME', '/{name}').replace('/orgs/42', '/orgs/{orgId}'),
    ),
  );
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((path) => !(path in paths))).toEqual([]);
});

/** What stands behind `bigdb-cutover` in code, without shell comments; the bare name and the log's names are none. */
function commandLines(markdown: string): readonly string[] {
  return codeIn(markdown).flatMap((line) => {
    const found = /^\$? ?bigdb-cutover ((?:-|[a-z]).*)$/.exec(line.replace(/\s+#.*$/, ''));
    return found?.[1] === undefined || found[1].includes('=') ? [] : [found[1].trim()];
  });
}

/** Words of a command line; quotes keep blanks together. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
