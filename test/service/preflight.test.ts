import { expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock.ts';
import { StoreUnavailableError } from '../../src/errors/index.ts';
import type { Estate } from '../../src/estate/estate.ts';
import { preflight } from '../../src/preflight/preflight.ts';
import { planned, policyWith } from '../statecharts/machine.ts';

test('a question that is never answered is a finding when the time is over, beside the answers to the others', async () => {
  const refuses = async (): Promise<never> => {
    throw new StoreUnavailableError('gone');
  };
  let asks = 0;
  const counted = () => {
    asks += 1;
    return refuses();
  };
  const place = {
    kind: 'site',
    name: 'lon1',
    findings: refuses,
    shapes: refuses,
    counts: refuses,
    inventory: refuses,
    autoIncrement: refuses,
    settings: refuses,
    missingPrivileges: refuses,
    lastBackup: refuses,
  };
  const { context } = planned(policyWith());
  const estate = {
    clock: systemClock,
    sites: [place],
    clusters: new Map([[context.homeRegion, place]]),
    directory: { homeRegion: () => new Promise<never>(() => {}) },
    replication: { findings: counted, endpointAccounts: refuses },
    routing: { refresh: refuses },
    samples: { attribution: { get: refuses }, strays: { get: refuses } },
    tables: [],
    catalogue: { version: 1, tables: [], techTables: [], confirmed: [] },
  } as unknown as Estate;
  // Longer than it takes to ask the others as often as they are asked.
  const withinMs = 5_000;
  const findings = await preflight(estate, context, withinMs);
  const codes = findings.map(({ code }) => code);
  expect(codes.filter((code) => code === 'PREFLIGHT_TIMEOUT')).toHaveLength(1);
  expect(findings.find(({ code }) => code === 'PREFLIGHT_TIMEOUT')).toMatchObject({
    severity: 'refuse',
    evidence: { subject: 'the home region', withinMs },
  });
  expect(asks, 'what may pass is asked again').toBe(3);
  expect(codes.filter((code) => code === 'STORE_UNAVAILABLE').length).toBeGreaterThan(3);
});
