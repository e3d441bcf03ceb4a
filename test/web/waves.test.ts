import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/types.ts';
import { fakeApp } from '../http/fakeService.ts';
import { type FakeWaves, waveOrg, waveStatus } from '../http/fakeWaves.ts';
import { enter, launch, type OpenPage, openPage, picture } from './browser.ts';

/** Waves on the page, in a real Chromium, over a service that can be in any state at once. */
let browser: Browser;
let app: App;
let waves: FakeWaves;
let address: string;
let opened: OpenPage[];
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  ({ app, waves } = fakeApp({ live: { lookMs: 20, heartbeatMs: 500 } }));
  address = await app.listen({ host: '127.0.0.1', port: 0 });
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map(({ context }) => context.close()));
  await app.close();
  for (const { faults } of opened) expect(faults).toEqual([]);
});

async function open(role: string, hash: string, options: Parameters<typeof openPage>[1] = {}): Promise<Page> {
  const one = await openPage(browser, options);
  opened.push(one);
  await enter(one.page, `${address}/${hash}`, `token-of-${role}`);
  return one.page;
}

const standingsOf = (some: Record<string, number>) => ({ ...waveStatus('w').standings, waiting: 0, ...some });
const stopped = waveStatus('w1', {
  name: 'the first hundred',
  state: 'paused',
  orgs: 4,
  allowed: ['resume', 'cancel', 'rollback'],
  reason: { code: 'WAVE_STOPPED', message: '2 orgs went back', remedy: 'Look at them.', details: { orgs: [7, 8] } },
  standings: standingsOf({ onCluster: 1, rolledBack: 2, waiting: 1 }),
  troubles: { wentBack: [7, 8], stuck: [], aborts: 3, longestPauseMs: 61 },
  progress: { moved: 1, percent: 25, movedAt: '2026-01-02T04:04:05.000Z', endsAt: null },
  history: [{ at: '2026-01-02T03:04:05.000Z', message: 'start by ann' }],
});
const orgs = [
  waveOrg(5, {
    position: 1,
    canary: true,
    standing: 'onCluster',
    migrationId: 'm5',
    state: 'soaking',
    longestPauseMs: 61,
  }),
  waveOrg(7, { position: 2, standing: 'rolledBack', migrationId: 'm7', state: 'rolledBack', reason: 'REVERSE_LAG' }),
  waveOrg(8, { position: 3, standing: 'rolledBack', migrationId: 'm8', state: 'rolledBack' }),
  waveOrg(9, { position: 4, homeRegion: 'us-east-1' }),
];

describe('the page of waves', () => {
  it('shows those that stopped first, and follows them', async () => {
    waves.waves.set('w2', waveStatus('w2', { name: 'planned one', createdAt: '2026-02-02T03:04:05.000Z' }));
    waves.waves.set('w1', stopped);
    const page = await open('viewer', '#/waves');
    await page.getByRole('link', { name: 'the first hundred' }).waitFor();
    expect(await page.locator('tbody th a').allTextContents()).toEqual(['the first hundred', 'planned one']);
    const row = page.getByRole('row', { name: /the first hundred/ });
    for (const text of ['WAVE_STOPPED', '1, 25.0 %', '2 rolled back', '1 on cluster'])
      await row.getByText(text).waitFor();
    waves.waves.set('w1', { ...stopped, state: 'running', reason: null, version: 2 });
    await row.locator('.badge', { hasText: 'Running' }).waitFor();
    await row.click();
    await page.getByRole('heading', { name: 'the first hundred' }).waitFor();
  });

  it('says how to make one where there is none', async () => {
    const page = await open('viewer', '#/waves');
    await page.getByText('No wave has been planned yet.').waitFor();
    await page.getByText(/bigdb-cutover wave create/).waitFor();
  });
});

describe('the page of a wave', () => {
  it('has its orgs in their order, why it stopped, and what each needs', async () => {
    waves.waves.set('w1', stopped);
    waves.orgList = orgs;
    const page = await open('viewer', '#/waves/w1');
    for (const text of [
      'WAVE_STOPPED',
      'went back: 7, 8',
      '3 attempts that came to nothing',
      'start by ann',
      'nobody yet',
    ]) {
      await page.getByText(text).first().waitFor();
    }
    await picture(page, 'wave', 760);
    const rows = page.locator('table.orgs tbody tr');
    expect(await rows.locator('th').allTextContents()).toEqual(['5 canary', '7', '8', '9']);
    await page.getByRole('button', { name: /^Rolled back 2$/ }).click();
    expect(await rows.locator('th').allTextContents()).toEqual(['7', '8']);
    await page.getByRole('button', { name: /^Rolled back 2$/ }).click();
    await page.keyboard.press('/');
    await page.keyboard.type('us-east');
    await page.getByRole('row', { name: /^7/ }).waitFor({ state: 'detached' });
    expect(await rows.locator('th').allTextContents()).toEqual(['9']);
    await page.getByRole('searchbox').fill('');
    // Only what changed is told.
    waves.orgList = orgs.with(
      3,
      waveOrg(9, {
        position: 4,
        homeRegion: 'us-east-1',
        standing: 'flipping',
        migrationId: 'm9',
        state: 'flipping.drain',
      }),
    );
    await page.getByRole('row', { name: /9/ }).getByText('Flipping · drain').waitFor();
    expect(await page.getByRole('link', { name: '9', exact: true }).getAttribute('href')).toBe('#/migrations/m9');
  });

  it('gives its commands with a reason, and offers nothing that the role may not give', async () => {
    waves.waves.set('w1', stopped);
    const viewer = await open('viewer', '#/waves/w1');
    const offered = viewer.getByRole('region', { name: 'Commands' }).getByRole('button');
    await offered.first().waitFor();
    expect(await offered.evaluateAll((buttons) => buttons.map((each) => each.getAttribute('aria-disabled')))).toEqual([
      'true',
      'true',
      'true',
    ]);
    const page = await open('operator', '#/waves/w1');
    await page.getByRole('button', { name: 'Roll back the wave' }).click();
    const give = page.getByRole('dialog').getByRole('button', { name: 'Roll back the wave' });
    expect(await give.isDisabled()).toBe(true);
    await page.getByLabel('Reason').fill('INC-7');
    await give.click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(waves.calls.filter(({ method }) => method === 'rollback')).toMatchObject([
      { input: { id: 'w1', reason: 'INC-7' }, actor: { name: 'the operator' } },
    ]);
  });

  it('of one that is not there says so, and fits a small screen', async () => {
    waves.waves.set('w1', stopped);
    waves.orgList = orgs;
    const small = { viewport: { width: 380, height: 700 }, colorScheme: 'dark' } as const;
    for (const hash of ['#/waves', '#/waves/w1']) {
      const page = await open('operator', hash, small);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.getByText('WAVE_STOPPED').first().waitFor();
      const sideways = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await page.evaluate<number>(sideways), hash).toBe(0);
    }
    const page = await open('viewer', '#/waves');
    await page.goto(`${address}/#/waves/nobody`);
    await page.getByText('WAVE_UNKNOWN').waitFor();
  });
});
