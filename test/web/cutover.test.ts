import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { stateText } from '../../src/web/model/format.ts';
import { Stage } from '../e2e/stage.ts';
import { enter, launch, type OpenPage, openPage, picture } from './browser.ts';
import { startWire, type Wire } from './wire.ts';

/** A whole move in a real Chromium, at a real controller: what an operator, an approver and a viewer do and see. */
let stage: Stage;
let browser: Browser;
let wire: Wire;
const opened: OpenPage[] = [];

beforeAll(async () => {
  browser = await launch();
  stage = await Stage.start({ orgs: 6, rows: 200 });
  wire = await startWire(stage.controller.api);
});
afterAll(async () => {
  await browser?.close();
  await wire?.close();
  await stage?.stop();
});

async function as(
  role: 'viewer' | 'operator' | 'approver',
  options: Parameters<typeof openPage>[1] = {},
): Promise<Page> {
  const one = await openPage(browser, options);
  opened.push(one);
  await enter(one.page, wire.address, stage.lab.tokens[role]);
  return one.page;
}

const command = (page: Page, name: string): Locator => page.locator(`button[data-command=${name}]`);
const stateOf = (page: Page): Locator => page.locator('.head .badge');
const untilState = (page: Page, text: RegExp, timeout = 60_000) =>
  stateOf(page).filter({ hasText: text }).waitFor({ timeout });
/** The timeline from the first entry on. */
const timelineOf = async (page: Page): Promise<string[]> => {
  const more = page.getByRole('button', { name: /earlier$/ });
  if ((await more.count()) > 0) await more.click();
  return (await page.locator('.timeline li div > span:first-child').allTextContents()).reverse();
};
const sideways = (page: Page) =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');

it('starts, approves, watches, survives a broken connection, and rolls back', { timeout: 280_000 }, async () => {
  const { orgId } = stage.org(2);
  // Company for the list: one that is ready, one that was only planned.
  const beside = stage.toReady(stage.org(3).orgId);
  await stage.api.create(stage.org(4).orgId);

  const operator = await as('operator');
  await command(operator, 'start').click();
  const dialog = operator.getByRole('dialog');
  await dialog.getByLabel('Org').fill(String(orgId));
  await dialog.getByLabel('Reason').fill('CHG-1234');
  await dialog.getByRole('button', { name: 'Start the move' }).click();
  await operator.getByRole('heading', { name: `Org ${orgId}` }).waitFor();
  const id = new URL(operator.url()).hash.split('/').at(-1) as string;
  await untilState(operator, /^.?Ready/);
  await operator.getByText('Waits for the approval').waitFor();
  expect(await operator.locator('.chart canvas').count()).toBe(1);
  await operator
    .locator('.figures')
    .first()
    .getByText(/^gate 500 ms$/)
    .waitFor();

  // Another person's to give: the operator is told so, and nothing happens.
  expect(await command(operator, 'approve').getAttribute('aria-disabled')).toBe('true');
  await command(operator, 'approve').click({ force: true });
  expect(await dialog.count()).toBe(0);
  await command(operator, 'approve').getByText('approver only').waitFor();

  await beside;
  const approver = await as('approver');
  await approver.getByRole('link', { name: String(orgId), exact: true }).click();
  await command(approver, 'approve').click();
  await approver.getByRole('dialog').getByRole('button', { name: 'Approve the flip' }).click();
  await untilState(approver, /^.?Soaking/);
  // The other page follows without being touched.
  await untilState(operator, /^.?Soaking/);
  await operator.locator('#verification ~ div .badge', { hasText: 'equal' }).waitFor();
  const status = await stage.api.get(id);
  const pauseMs = status.attempts[0]?.writePauseMs ?? Number.NaN;
  const shown = await operator.locator('.attempt .figures dd').first().textContent();
  expect(Math.abs(Number.parseFloat(shown ?? '') - pauseMs)).toBeLessThan(1);
  expect(await operator.locator('.attempt .span.held').count()).toBeGreaterThan(5);

  const viewer = await as('viewer');
  await picture(viewer, 'orgs', 380);
  await viewer.getByRole('link', { name: String(orgId), exact: true }).click();
  await untilState(viewer, /^.?Soaking/);
  for (const name of ['pause', 'rollback', 'complete', 'verify']) {
    expect(await command(viewer, name).getAttribute('aria-disabled'), name).toBe('true');
    await command(viewer, name).click({ force: true });
  }
  expect(await viewer.getByRole('dialog').count()).toBe(0);
  // What the page does not offer, the controller refuses all the same.
  const refused = await viewer.evaluate(
    async ([path, token]) =>
      (await fetch(path as string, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status,
    [`/v1/migrations/${id}/rollback`, stage.lab.tokens.viewer],
  );
  expect(refused).toBe(403);
  expect((await stage.api.get(id)).state).toMatch(/^soaking/);

  // The connection breaks off: what is shown is said to be old, and nothing may be ordered on the strength of it.
  wire.cut();
  await operator.getByText(/Connection lost/).waitFor();
  await operator.getByRole('status').filter({ hasText: 'Not connected' }).waitFor();
  expect(await command(operator, 'rollback').getAttribute('aria-disabled')).toBe('true');
  await stage.api.command(id, 'pause', 'while nobody looks');
  await stage.api.command(id, 'resume', 'while nobody looks');
  const missed = (await stage.api.events(id)).length;
  wire.mend();
  await operator.getByRole('button', { name: 'Try now' }).click();
  await operator.getByRole('status').filter({ hasText: 'Live' }).waitFor();
  await pollUntil('the whole timeline', async () => (await timelineOf(operator)).length >= missed || undefined, {
    timeoutMs: 60_000,
    everyMs: 100,
  });
  const told = await timelineOf(operator);
  const events = await stage.api.events(id);
  expect(told).toEqual(
    events.slice(0, told.length).map(({ type, state, message }) => (type === 'state' ? stateText(state) : message)),
  );

  // A controller that is replaced: the page goes on at the next one.
  const first = stage.controller;
  await first.stop();
  const next = await stage.startController();
  wire.leadTo(next.api);
  await operator.getByRole('status').filter({ hasText: 'Live' }).waitFor();
  await pollUntil('the next owner', async () => (await stage.api.get(id)).owner?.startsWith(next.name) || undefined, {
    timeoutMs: 60_000,
    everyMs: 100,
  });
  await operator.locator('.head .facts').getByText(next.name).waitFor();
  await operator.locator('.chart canvas').waitFor();
  await picture(operator, 'org', 1_150);

  await operator.goto(`${wire.address}/#/fleet`);
  for (const proxy of stage.lab.proxies) {
    const card = operator.getByRole('region', { name: proxy.name });
    await card.locator('.badge', { hasText: /answers$/ }).waitFor();
    await card.getByRole('row', { name: `to Aurora 1 ${orgId}` }).waitFor();
  }
  await picture(operator, 'fleet', 360);
  await operator.goBack();

  // Without a reason there is no way on.
  await command(operator, 'rollback').click();
  const give = operator.getByRole('dialog').getByRole('button', { name: 'Roll back' });
  expect(await give.isDisabled()).toBe(true);
  await operator.getByRole('dialog').getByLabel('Reason').fill('INC-77');
  await give.click();
  await untilState(operator, /^.?Rolled back/, 90_000);
  const end = await stage.api.get(id);
  expect(end.outcome).toBe('rolledBack');
  expect(await operator.locator('.attempt').count()).toBe(end.attempts.length);
  const log = (await stage.api.read('/v1/audit?limit=1000', 'operator')) as {
    items: { action: string; input: unknown }[];
  };
  expect(log.items.findLast(({ action }) => action.endsWith('/rollback'))?.input).toEqual({ reason: 'INC-77' });
  expect(await command(operator, 'rollback').count()).toBe(0);

  const small = await as('viewer', { viewport: { width: 380, height: 800 }, colorScheme: 'dark' });
  expect(await sideways(small)).toBe(0);
  await small.getByRole('link', { name: String(orgId), exact: true }).click();
  await untilState(small, /^.?Rolled back/);
  expect(await sideways(small)).toBe(0);
  await picture(small, 'small', 800);

  for (const { faults, requested } of opened) {
    expect(faults).toEqual([]);
    expect([...requested]).toEqual([wire.address]);
  }
});
