import { expect, test } from 'vitest';
import { phases } from '../../src/config/webhooks.ts';
import { announcer, type Subscription } from '../../src/webhooks/announce.ts';
import { judge } from '../../src/webhooks/judge.ts';
import { migrationMachine } from '../../statecharts/machine.ts';

const context = { migrationId: 'm-1', orgId: 42, homeRegion: 'eu-west-2', reason: null };
const failure = { code: 'DRAIN_TIMEOUT', message: 'too long', remedy: 'Look.', details: { session: 7 } };
const entry = (seq: number, previous: string, state: string, data: Record<string, unknown> = {}) => ({
  seq,
  atMs: Date.UTC(2026, 0, 1),
  type: 'state',
  state,
  attempt: 1,
  message: 'flip.drain.failed',
  data: { ...data, previous },
});
const hook = (changed: Partial<Subscription> = {}): Subscription => ({
  name: 'h',
  format: 'event',
  steps: false,
  ...changed,
});
const told = (hooks: Subscription[], entries: ReturnType<typeof entry>[], reason: typeof failure | null = null) =>
  (announcer(hooks)?.({ context: { ...context, reason }, entries }) ?? []).map(({ body, ...rest }) => ({
    ...rest,
    body: JSON.parse(body),
  }));

test('a hook may choose among the phases that the machine has', () => {
  expect([...phases].sort()).toEqual(Object.keys(migrationMachine.states).sort());
});

test('without hooks there is nobody to tell', () => {
  expect(announcer([])).toBeNull();
});

test('phases are told, or steps too, or some phases alone', () => {
  const entries = [
    entry(1, 'ready', 'flipping.hold'),
    entry(2, 'flipping.hold', 'flipping.drain'),
    entry(3, 'flipping.drain', 'ready'),
  ];
  const states = (of: Partial<Subscription>) => told([hook(of)], entries).map(({ body }) => body.data.state);
  expect(states({})).toEqual(['flipping.hold', 'ready']);
  expect(states({ steps: true })).toEqual(['flipping.hold', 'flipping.drain', 'ready']);
  expect(states({ phases: ['ready'] })).toEqual(['ready']);
  expect(states({ phases: ['flipping'], steps: true })).toEqual(['flipping.hold', 'flipping.drain']);
});

test('notes, and commands that lead nowhere, are no change; a new migration is one', () => {
  const note = { ...entry(2, 'planned', 'planned'), type: 'note' };
  const command = { ...entry(3, 'planned', 'planned'), type: 'command', data: { command: 'pause', actor: 'ann' } };
  const created = { ...entry(1, '', 'planned'), type: 'command', data: { command: 'create', actor: 'ann' } };
  expect(told([hook()], [created, note, command] as never)).toMatchObject([
    { id: 'm-1.1', hook: 'h', migrationId: 'm-1', body: { data: { previous: null, state: 'planned', actor: 'ann' } } },
  ]);
});

test('each change has its own reason, without its details; the last has what the migration waits for', () => {
  const entries = [
    entry(1, 'flipping.drain', 'flipping.aborting', { failure }),
    entry(2, 'flipping.aborting', 'ready'),
  ];
  const other = { ...failure, code: 'TRAVEL_TOO_SLOW' };
  const [first, last] = told([hook({ steps: true })], entries, other);
  expect(first?.body.data.reason).toEqual({ code: 'DRAIN_TIMEOUT', message: 'too long', remedy: 'Look.' });
  expect(last?.body).toMatchObject({ type: 'migration.state', id: 'm-1.2', timestamp: '2026-01-01T00:00:00.000Z' });
  expect(last?.body.data.reason.code).toBe('TRAVEL_TOO_SLOW');
});

test('a chat is told in a line, in which nobody can call everybody', () => {
  const entries = [entry(1, 'ready', 'flipping.prepare', { actor: 'bob', reason: '<!channel> & more' })];
  expect(told([hook({ format: 'chat' })], entries)[0]?.body).toEqual({
    text: 'org 42 (eu-west-2): ready → flipping.prepare: flip.drain.failed (&lt;!channel&gt; &amp; more)',
  });
});

test('rests double, end at five minutes, and end with the age', () => {
  const refused = (tries: number, ageMs = 0, restMs = 0) =>
    judge({ tries, ageMs }, { kind: 'refused', text: 'HTTP 500', restMs }, 86_400_000);
  expect([0, 1, 2, 8, 9, 1_000].map((tries) => refused(tries).againInMs)).toEqual([
    1_000, 2_000, 4_000, 256_000, 300_000, 300_000,
  ]);
  expect(refused(0, 0, 60_000)).toEqual({ outcome: 'failed', answer: 'HTTP 500', againInMs: 60_000 });
  expect(refused(0, 0, 86_400_000).againInMs).toBe(300_000);
  expect(refused(0, 86_399_500).outcome).toBe('givenUp');
  expect(judge({ tries: 0, ageMs: 0 }, { kind: 'gone', text: 'HTTP 410', restMs: 0 }, 1_000).outcome).toBe('givenUp');
});
