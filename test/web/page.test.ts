import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CommandNotAllowedError } from '../../src/errors/service.ts';
import type { App } from '../../src/http/types.ts';
import type { MigrationStatus } from '../../src/service/status.ts';
import { eventOf, type FakeFleet, type FakeService, fakeApp, proxyStatusOf, statusOf } from '../http/fakeService.ts';
import { enter, launch, type OpenPage, openPage } from './browser.ts';
import { startWire, type Wire } from './wire.ts';

/** The page in a real Chromium, over a service that can be in any state at once. */
let browser: Browser;
let app: App;
let service: FakeService;
let fleet: FakeFleet;
let wire: Wire;
let opened: OpenPage[];
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  ({ app, service, fleet } = fakeApp({ live: { lookMs: 20, heartbeatMs: 500 } }));
  wire = await startWire(await app.listen({ host: '127.0.0.1', port: 0 }));
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map(({ context }) => context.close()));
  await wire.close();
  await app.close();
  for (const { faults, requested } of opened) {
    expect(faults).toEqual([]);
    expect([...requested].filter((origin) => origin !== wire.address)).toEqual([]);
  }
});

async function open(role: string, hash = '', options: Parameters<typeof openPage>[1] = {}): Promise<Page> {
  const one = await openPage(browser, options);
  opened.push(one);
  await enter(one.page, `${wire.address}/${hash}`, `token-of-${role}`);
  return one.page;
}

const set = (id: string, orgId: number, changes: Partial<MigrationStatus> = {}) =>
  service.migrations.set(id, statusOf(id, orgId, changes));
const at = new Date().toISOString();
const sideways = (page: Page) =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** A way back that cannot be gone, with everything that may stand in it. */
const stuck: Partial<MigrationStatus> = {
  state: 'needsOperator',
  serving: 'cluster',
  allowed: ['retry', 'resume', 'complete', 'rollback'],
  waitsFor: 'a decision',
  reason: {
    code: 'REVERSE_LAG',
    message: 'the way back is 90 s behind',
    remedy: 'Choose.',
    details: { reverseLagMs: 90_000, tables: ['a', 'b'], none: null },
  },
  wayBack: {
    reverseLagMs: 90_000,
    lagSeenAt: at,
    lagAgeMs: 3_000,
    task: {
      status: 'failed',
      stopReason: 'FATAL_ERROR',
      lastFailure: 'the target refuses',
      erroredTables: ['CallLogs'],
      observedAt: at,
    },
    tries: 3,
    since: at,
    choices: [
      { command: 'retry', acceptLoss: false, role: 'operator', means: 'wait on' },
      { command: 'complete', acceptLoss: false, role: 'approver', means: 'stay for good' },
      { command: 'rollback', acceptLoss: true, role: 'approver', means: 'go back all the same' },
    ],
  },
  leftBehind: [
    {
      part: 'exact',
      path: '/exports/m1.jsonl',
      host: 'controller-1',
      rows: 1_234,
      kinds: { clusterOnly: 1_000, different: 200, siteOnly: 34 },
      at,
    },
  ],
  comparing: {
    kind: 'live',
    startedAt: at,
    table: 'CallLogs',
    rows: 500,
    rowsExpected: 2_000,
    mismatches: 2,
    etaMs: 90_000,
  },
  verification: {
    outcome: 'different',
    kind: 'live',
    rows: 2_000,
    mismatches: 3,
    exact: false,
    at,
    ageMs: 1,
    stale: true,
    sample: [{ table: 'CallLogs', key: { CallLogID: 5 }, columns: ['Duration'] }],
  },
  findings: [
    { code: 'KEY_ORDER', severity: 'warn', message: 'a warning', remedy: 'Look.', evidence: {} },
    {
      code: 'NO_PRIMARY_KEY',
      severity: 'refuse',
      message: 'no primary key',
      remedy: 'Give it one.',
      evidence: { table: 'x' },
    },
  ],
  notice: 'its owner was silent',
  pauseRequested: true,
  lag: { forwardMs: null, reverseMs: 90_000, observedAt: at },
  policy: { lagGateMs: 500, reverseLagMs: 30_000, flipBudgetMs: 3_000, approval: 'manual' },
  attempts: [
    {
      attempt: 1,
      direction: 'back',
      startedAt: at,
      endedAt: at,
      decision: 'abort',
      phases: [
        { phase: 'hold', ms: 12, ok: true },
        { phase: 'marker', ms: 2_900, ok: false },
      ],
      writePauseMs: 2_950,
      readPauseMs: null,
      reason: { code: 'MARKER_TIMEOUT', message: 'no marker', remedy: 'Look.', details: {} },
    },
    {
      attempt: 2,
      direction: 'back',
      startedAt: at,
      endedAt: null,
      decision: null,
      phases: [],
      writePauseMs: null,
      readPauseMs: null,
      reason: null,
    },
  ],
};

describe('any state', () => {
  it('of a way back that cannot be gone shows figures and choices, and the last of them asks twice', async () => {
    set('m1', 42, stuck);
    const page = await open('approver', '#/migrations/m1');
    const card = page.getByRole('region', { name: 'The way back cannot be gone' });
    for (const text of ['1 min 30 s', 'FATAL_ERROR', 'the target refuses', 'CallLogs', 'go back all the same']) {
      await card.getByText(text).first().waitFor();
    }
    await page.getByText('Attempt 1').click();
    for (const text of [
      'no primary key',
      '/exports/m1.jsonl',
      'its owner was silent',
      'at least 3',
      'A pause is asked for',
      'no marker',
      'Comparing',
    ]) {
      await page.getByText(text).first().waitFor();
    }
    await page.getByText('over', { exact: true }).waitFor();
    const give = page.getByRole('dialog').getByRole('button', { name: 'Roll back and accept the loss' });
    await card.getByRole('button', { name: 'Roll back and accept the loss' }).click();
    await page.getByLabel('Reason').fill('INC-9');
    expect(await give.isDisabled()).toBe(true);
    await page.getByLabel('To confirm, type').fill('41');
    expect(await give.isDisabled()).toBe(true);
    await page.getByLabel('To confirm, type').fill('42');
    await give.click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(service.calls.findLast(({ method }) => method === 'rollback')).toMatchObject({
      input: { id: 'm1', reason: 'INC-9', acceptLoss: true },
      actor: { name: 'the approver' },
    });
  });

  it('with nothing known of it shows that nothing is known', async () => {
    set('m1', 42, {
      state: 'soaking',
      serving: 'unknown',
      homeRegion: null,
      allowed: [],
      reason: { code: 'JOURNAL_VERSION_UNKNOWN', message: 'version 9', remedy: 'Use a newer controller.', details: {} },
    });
    const page = await open('admin');
    await page.getByRole('row', { name: /42/ }).getByText('not known').waitFor();
    await page.getByRole('link', { name: '42', exact: true }).click();
    await page.getByText('The journal of this migration cannot be read').waitFor();
    await page.getByText('JOURNAL_VERSION_UNKNOWN').waitFor();
    expect(await page.getByRole('region', { name: 'Commands' }).count()).toBe(0);
    await page.goto(`${wire.address}/#/migrations/nobody`);
    await page.getByText('MIGRATION_UNKNOWN').waitFor();
  });

  it('fits a small screen, dark and light, without scrolling sideways', async () => {
    set('m1', 42, stuck);
    set('m2', 4_294_967_295, {
      state: 'replicating.fullLoad',
      progress: {
        percent: 41.5,
        etaMs: 61_000,
        tables: [{ table: 'RecordingMetadata', state: 'Full load', rowsExpected: 12_000_000, rowsLoaded: 5_000_000 }],
      },
      waitsFor: 'x'.repeat(80),
    });
    for (const hash of ['', '#/migrations/m1', '#/migrations/m2', '#/fleet']) {
      const page = await open('approver', hash, { viewport: { width: 380, height: 700 }, colorScheme: 'dark' });
      await page.locator('main h1').waitFor();
      expect(await sideways(page), hash).toBe(0);
    }
  });

  it('of the fleet shows who does not answer, what waits there, and what routes there are', async () => {
    fleet.proxies.set('proxy-3', {
      ...proxyStatusOf('proxy-3', 'member'),
      reachable: false,
      silentSince: at,
      message: 'connect ECONNREFUSED',
      heldOrgs: [42],
      routes: null,
    });
    fleet.proxies.set('proxy-4', {
      ...proxyStatusOf('proxy-4', 'notAdmitted'),
      reachable: true,
      warning: 'answers and was never added',
      configured: false,
    });
    const page = await open('approver', '#/fleet');
    await page.getByText('proxy-3: no answer. No flip begins without every member.').waitFor();
    const third = page.getByRole('region', { name: 'proxy-3' });
    for (const text of [
      'does not answer',
      'connect ECONNREFUSED',
      'Clients wait here: 42',
      'Its routes cannot be read.',
    ]) {
      await third.getByText(text).waitFor();
    }
    await page.getByRole('region', { name: 'proxy-1' }).getByRole('row', { name: 'to Aurora 1 42' }).waitFor();
    await page.getByRole('region', { name: 'proxy-4' }).getByText('answers, and must not').waitFor();
    await third.getByRole('button', { name: 'Take out' }).click();
    await page.getByLabel('Reason').fill('it burnt');
    await page.getByRole('dialog').getByRole('button', { name: 'Take out' }).click();
    await third.getByText('taken out').waitFor();
    expect(fleet.calls).toMatchObject([{ method: 'remove', input: { name: 'proxy-3', reason: 'it burnt' } }]);
  });
});

describe('a refusal', () => {
  it('says what is allowed and what to do, and the order can be given again', async () => {
    set('m1', 42, { state: 'soaking', serving: 'cluster', allowed: ['rollback'] });
    const page = await open('operator', '#/migrations/m1');
    await page.getByRole('button', { name: 'Roll back' }).click();
    await page.getByLabel('Reason').fill('INC-1');
    const failing = service.command.bind(service);
    service.command = async () => {
      throw new CommandNotAllowedError('rollback', 'completing', ['retry']);
    };
    const give = page.getByRole('dialog').getByRole('button', { name: 'Roll back' });
    await give.click();
    const alert = page.getByRole('dialog').getByRole('alert');
    await alert.getByText('COMMAND_NOT_ALLOWED').waitFor();
    await alert.getByText('Allowed now: Retry.').waitFor();
    service.command = failing;
    await give.click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  it('of the token leads back to the door, and the token is gone', async () => {
    const one = await openPage(browser);
    opened.push(one);
    await one.page.goto(wire.address);
    await one.page.getByLabel('Token').fill('nobody');
    await one.page.getByRole('button', { name: 'Enter' }).click();
    await one.page.getByText('TOKEN_REFUSED').waitFor();
    expect(await one.page.evaluate('sessionStorage.length + localStorage.length + document.cookie.length')).toBe(0);
    await one.page.getByLabel('Token').fill('token-of-viewer');
    await one.page.getByRole('button', { name: 'Enter' }).click();
    await one.page.getByRole('button', { name: 'Leave' }).click();
    await one.page.getByLabel('Token').waitFor();
    expect(await one.page.evaluate('sessionStorage.length')).toBe(0);
  });
});

describe('a connection', () => {
  it('that freezes is noticed, and an order whose answer was lost is carried out once', async () => {
    set('m1', 42, { allowed: ['start'] });
    const page = await open('operator', '#/migrations/m1');
    await page.getByRole('button', { name: 'Start' }).click();
    // The order arrives, and its answer does not.
    await page.route('**/start', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click();
    await page.getByText('whether it has carried this out is not known').waitFor();
    await page.unroute('**/start');
    await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(service.calls.filter(({ method }) => method === 'start')).toHaveLength(1);

    wire.freeze();
    await page.getByText(/Connection lost/).waitFor({ timeout: 30_000 });
    wire.mend();
    set('m1', 42, { state: 'preflight', version: 9 });
    service.timeline.push(eventOf(1, 'meanwhile'));
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor({ timeout: 30_000 });
    await page.getByText('meanwhile').waitFor();
    await page.locator('.head .badge', { hasText: 'Preflight' }).waitFor();
  });

  it('to a controller without its store says that what is shown is old', async () => {
    set('m1', 42, { allowed: ['start'] });
    const page = await open('operator');
    await page.getByRole('link', { name: '42', exact: true }).waitFor();
    const list = service.list.bind(service);
    service.list = async () => {
      throw new CommandNotAllowedError('x', 'y', []);
    };
    await page.getByRole('alert').filter({ hasText: 'What you see is old' }).waitFor();
    expect(await page.getByRole('button', { name: 'Move an org' }).getAttribute('aria-disabled')).toBe('true');
    service.list = list;
    await page.getByRole('alert').filter({ hasText: 'What you see is old' }).waitFor({ state: 'detached' });
  });
});

describe('without a mouse', () => {
  it('one finds an org, opens it, and comes to its commands', async () => {
    set('m1', 42, { state: 'soaking', serving: 'cluster' });
    set('m2', 7, { state: 'ready', allowed: ['pause'] });
    const page = await open('operator');
    await page.getByRole('link', { name: '42', exact: true }).waitFor();
    const focused = () => page.evaluate<string>('document.activeElement.textContent.trim()');
    await page.keyboard.press('j');
    expect(await focused()).toBe('7');
    await page.keyboard.press('j');
    expect(await focused()).toBe('42');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Org 7' }).waitFor();
    await page.keyboard.press('c');
    expect(await focused()).toBe('Compare now');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('o');
    await page.getByRole('heading', { name: 'Orgs' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('42');
    await page.getByRole('link', { name: '7', exact: true }).waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('heading', { name: 'Keys' }).waitFor();
  });

  it('one hears what changes', async () => {
    set('m1', 42, { state: 'lagCheck' });
    const page = await open('viewer', '#/migrations/m1');
    await page.locator('.head .badge', { hasText: 'Lag check' }).waitFor();
    set('m1', 42, { state: 'ready', version: 2 });
    await page.locator('[aria-live=polite]').filter({ hasText: 'Org 42: Ready' }).waitFor();
  });
});
