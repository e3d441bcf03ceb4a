import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { z } from 'zod';
import { problemStatus } from '../../../src/errors/httpStatus.ts';
import { Random } from '../../toAndFro/random.ts';
import { type FuzzRequest, nowhere, type Operation, operationsOf, Requests } from './requests.ts';
import { type Schema, Values } from './values.ts';
import { type FuzzWorld, knownOrgs, startFuzzWorld } from './world.ts';

// What is asked comes from /openapi.json alone: a route that is described is tried, without a line here.

/** `FUZZ_SEED=…` repeats a run. */
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Requests of each operation that the description allows. */
const validEach = 8;
/** Time for the valid ones: what is left of a minute beside everything else (milliseconds). */
const validWithinMs = 25_000;
/** What a controller may take for one request (milliseconds); taking out a proxy has a time of its own. */
const answerWithinMs = 10_000;

let world: FuzzWorld;
let operations: Operation[];
let description: { paths: never; components: { schemas: Record<string, Schema> } };
let ids: string[];
const unhandled: unknown[] = [];
const remember = (reason: unknown) => void unhandled.push(reason);

beforeAll(async () => {
  console.log(`fuzz of the API: FUZZ_SEED=${seed}`);
  process.on('unhandledRejection', remember);
  world = await startFuzzWorld();
  const reply = await world.app.inject({
    url: '/openapi.json',
    headers: { authorization: `Bearer ${world.tokens.viewer}` },
  });
  description = reply.json();
  operations = operationsOf(description);
  ids = await world.ids();
});
afterAll(async () => {
  process.off('unhandledRejection', remember);
  await world?.stop();
});

const random = new Random(seed);

function requests(): Requests {
  const words = [
    'm-none',
    'eu-west-2',
    'eu-west-9',
    'planned',
    'soaking',
    'proxy-lon1',
    'proxy-none',
    'CHG-1234',
    'A reason as somebody writes it, with ümläuts and 日本語',
    ...knownOrgs.map(String),
    '777',
    '22:00',
    '2026-12-01',
  ];
  const values = new Values(random, description.components.schemas, words);
  const known = (name: string) =>
    name === 'id' ? ids : name === 'name' ? ['proxy-lon1', 'proxy-lon2'] : name === 'homeRegion' ? ['eu-west-2'] : [];
  return new Requests(values, random, { right: world.tokens, wrong: world.wrongTokens }, known);
}

/** A schema of the description as zod reads it. */
function checker(schema: Schema): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: description.components.schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')));
}
const checkers = new Map<string, z.ZodType>();

function assertFits(schema: Schema, value: unknown, about: string): void {
  const key = JSON.stringify(schema);
  const found = checkers.get(key) ?? checker(schema);
  checkers.set(key, found);
  const { error } = found.safeParse(value);
  if (error !== undefined) throw new Error(`${about}: the answer is not as described: ${z.prettifyError(error)}`);
}

/** Costs the databases something: limited far below all others. */
const hasLimitOfItsOwn: ReadonlySet<string> = new Set(['/v1/preflight', '/v1/waves/{id}/plan']);

const text = ({ method, url, what, payload }: FuzzRequest) =>
  `${method} ${url.slice(0, 200)} (${what}) ${payload?.slice(0, 300) ?? ''}`;

/** Sends it, and holds the answer against what is promised. Gives the status. */
async function ask(request: FuzzRequest): Promise<number> {
  const { method, url, headers, payload, operation, expected } = request;
  const startedMs = performance.now();
  const reply = await world.app.inject({
    method: method as 'GET',
    url,
    headers,
    ...(payload === undefined ? {} : { payload }),
  });
  const about = `FUZZ_SEED=${seed} ${text(request)} → ${reply.statusCode} ${reply.body.slice(0, 600)}`;
  if (reply.statusCode >= 500) throw new Error(about);
  // Asked more often here than its own limit allows: a refusal as good as any, held to its description below.
  const tooOften = reply.statusCode === 429 && hasLimitOfItsOwn.has(operation.path);
  if (expected.length > 0 && !expected.includes(reply.statusCode) && !tooOften) {
    throw new Error(`${about}: expected ${expected.join(' or ')}`);
  }
  if (performance.now() - startedMs > answerWithinMs) throw new Error(`${about}: took too long`);
  if (reply.statusCode === 304) return 304;
  const type = String(reply.headers['content-type']).split(';')[0] ?? '';
  if (reply.statusCode >= 400) {
    if (type !== 'application/problem+json') throw new Error(`${about}: is no problem but ${type}`);
    const problem = reply.json() as { code: string; status: number };
    const schema = operation.responses.default?.content?.[type]?.schema;
    if (schema === undefined) throw new Error(`${about}: no problem is described`);
    assertFits(schema, problem, about);
    // What is asked for by its own address is not there; anywhere else the table's status counts.
    const absent = method === 'GET' && problem.code === 'ORG_UNKNOWN';
    const promised = absent ? 404 : problemStatus[problem.code];
    if (problem.status !== reply.statusCode || promised !== reply.statusCode) {
      throw new Error(`${about}: the code does not go with the status`);
    }
    return reply.statusCode;
  }
  const schema = operation.responses[reply.statusCode]?.content?.[type]?.schema;
  if (schema === undefined) throw new Error(`${about}: ${reply.statusCode} with ${type} is not described`);
  assertFits(schema, type === 'application/json' ? reply.json() : reply.body, about);
  return reply.statusCode;
}

it('describes every route: its body, its answers, the role that it needs', () => {
  expect(operations.length).toBeGreaterThan(20);
  for (const { method, path, body, role, responses } of operations) {
    if (method === 'POST') expect([path, body]).not.toEqual([path, null]);
    expect([path, role === null]).toEqual([path, /^\/(healthz|readyz)$/.test(path)]);
    for (const { content } of Object.values(responses)) {
      for (const { schema } of Object.values(content ?? {})) expect(() => checker(schema)).not.toThrow();
    }
  }
});

it('refuses what is wrong, each with a problem of its own, and changes nothing', { timeout: 60_000 }, async () => {
  onTestFailed(() => console.log(`repeat with FUZZ_SEED=${seed}`));
  const make = requests();
  let asked = 0;
  for (const operation of operations) {
    await world.quiet();
    const before = await world.dump();
    const wrong = make.refused(operation);
    for (const request of wrong) await ask(request);
    asked += wrong.length;
    expect(await world.dump(), `after what ${operation.method} ${operation.path} refused`).toBe(before);
  }
  for (const url of nowhere) {
    const [operation] = operations as [Operation];
    const headers = { authorization: `Bearer ${world.tokens.admin}` };
    await ask({ what: 'nowhere', operation, method: 'GET', url, headers, expected: [400, 404] });
  }
  console.log(`${asked} wrong requests to ${operations.length} operations`);
  expect(asked).toBeGreaterThan(500);
});

it('answers what is right as described, and what it refuses has changed nothing', { timeout: 60_000 }, async () => {
  onTestFailed(() => console.log(`repeat with FUZZ_SEED=${seed}`));
  const make = requests();
  const untilMs = performance.now() + validWithinMs;
  const seen: Record<number, number> = {};
  for (let round = 0; round < validEach && performance.now() < untilMs; round++) {
    for (const operation of operations) {
      const all = round === 0 ? [make.valid(operation), ...make.odd(operation)] : [make.valid(operation)];
      for (const request of all) {
        if (request.headers.accept?.includes('event-stream')) continue;
        const before = await world.dump();
        const status = await ask(request);
        seen[status] = (seen[status] ?? 0) + 1;
        if (status >= 400 || operation.method === 'GET') {
          const after = await world.dump();
          if (after !== before)
            throw new Error(`FUZZ_SEED=${seed} ${text(request)} → ${status}, and the store changed`);
        } else {
          await world.quiet();
          ids = await world.ids();
        }
      }
    }
  }
  console.log(`answers by status: ${JSON.stringify(seen)}`);
  // Both kinds have been met: a run that is only ever refused proves nothing.
  expect(seen[200] ?? 0).toBeGreaterThan(20);
  expect((seen[409] ?? 0) + (seen[422] ?? 0)).toBeGreaterThan(5);
});

it('has left no fault in the log and no rejection unhandled', () => {
  expect(world.errors).toEqual([]);
  expect(unhandled).toEqual([]);
});
