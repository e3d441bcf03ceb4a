import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import {
  controllerPort,
  controllers,
  dmsPort,
  homeRegion,
  proxies,
  proxyAdminPort,
  proxyPort,
} from '../../infra/compose/layout.ts';
import {
  clusterIdVariables,
  MARIADB_SETTINGS,
  MYSQL_SETTINGS,
  siteVariables,
} from '../../infra/lab/databases/index.ts';
import { stages } from '../container/dockerfile.ts';
import { projectFolder, textOf } from '../docs/documents.ts';

const service = z.object({
  image: z.string(),
  build: z.object({ dockerfile: z.literal('infra/container/Dockerfile'), target: z.string() }).optional(),
  user: z.string().optional(),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  read_only: z.boolean().default(false),
});
const text = textOf('docker-compose.yml');
const { services, volumes } = z
  .object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) })
  .parse(parse(text, { merge: true }));
const all = Object.entries(services);
const oneShots = ['secrets', 'platform'];

test('the whole platform is there', () => {
  const wanted = [
    'lon1',
    'lon2',
    `aurora-${homeRegion}`,
    'store',
    'coredb',
    'dms',
    'workload',
    'prometheus',
    'grafana',
  ];
  expect(Object.keys(services).toSorted()).toEqual([...wanted, ...oneShots, ...controllers, ...proxies].toSorted());
});

test('every image is of one version', () => {
  for (const [name, { image, build }] of all) {
    if (build === undefined) expect(image, name).toMatch(/:v?\d+\.\d+\.\d+$/);
    else expect([...stages().keys()], name).toContain(build.target);
  }
});

test('what stays is asked for its health, and what needs it waits for that', () => {
  for (const [name, { depends_on, healthcheck }] of all) {
    expect(healthcheck !== undefined, name).toBe(!oneShots.includes(name));
    for (const [other, { condition }] of Object.entries(depends_on)) {
      expect(Object.keys(services), name).toContain(other);
      expect(condition, `${name} after ${other}`).toBe(
        oneShots.includes(other) ? 'service_completed_successfully' : 'service_healthy',
      );
    }
  }
});

test('no secret stands in it, and nobody but this machine reaches it', () => {
  for (const [name, { environment, ports }] of all) {
    for (const [key, value] of Object.entries(environment)) {
      if (/PASSWORD|TOKEN|SECRET|KEY/.test(key))
        expect([key, value], name).toEqual([
          expect.stringMatching(/_FILE$/),
          expect.stringMatching(/^\/platform\/secrets\//),
        ]);
    }
    for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  }
});

test('what is mounted exists, and only set-up writes what all share', () => {
  for (const [name, { volumes: mounted }] of all) {
    for (const volume of mounted) {
      const [from = '', , mode] = volume.split(':');
      if (from.startsWith('./'))
        expect([existsSync(join(projectFolder, from)), mode], `${name}: ${from}`).toEqual([true, 'ro']);
      else expect(Object.keys(volumes), name).toContain(from);
      if (from === 'platform') expect(mode, name).toBe(oneShots.includes(name) ? undefined : 'ro');
    }
  }
});

test('programs that are named exist, on the ports that others use', () => {
  for (const [name, { command }] of all) {
    for (const word of command.filter((word) => word.endsWith('.ts'))) {
      expect(existsSync(join(projectFolder, word)), `${name}: ${word}`).toBe(true);
    }
  }
  expect(services.dms?.command).toContain(String(dmsPort));
  for (const name of controllers) expect(services[name]?.ports[0]).toMatch(new RegExp(`:${controllerPort}$`));
  for (const name of proxies) {
    expect(services[name]?.ports[0]).toMatch(new RegExp(`:${proxyPort}$`));
    expect(services[name]?.healthcheck?.test.join(' ')).toContain(`/${proxyAdminPort} `);
  }
  for (const name of [...controllers, 'dms', 'workload']) expect(services[name]?.read_only, name).toBe(true);
});

test('databases have the settings of the lab', () => {
  const settings = {
    lon1: { ...MARIADB_SETTINGS, ...siteVariables(1) },
    lon2: { ...MARIADB_SETTINGS, ...siteVariables(2) },
    [`aurora-${homeRegion}`]: { ...MYSQL_SETTINGS, ...clusterIdVariables(0) },
    store: { ...MARIADB_SETTINGS, 'server-id': '101' },
    coredb: { ...MARIADB_SETTINGS, 'server-id': '102' },
  };
  for (const [name, wanted] of Object.entries(settings)) {
    const lines = textOf(`infra/compose/databases/${name}.cnf`)
      .split('\n')
      .filter((line) => /^[a-z]/.test(line));
    const found = lines
      .map((line) => line.split(' = '))
      .map(([key = '', value = '']) => [key.replace(/ =$/, ''), value]);
    expect(Object.fromEntries(found), name).toEqual(wanted);
  }
});
