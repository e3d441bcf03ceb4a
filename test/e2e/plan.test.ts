import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orgSchema, preflightSchema } from '../../src/service/orgs.ts';
import { type Plan, planSchema } from '../../src/service/plans.ts';
import { routingSchema } from '../../src/service/routing.ts';
import { pictureOf } from './picture.ts';
import { Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 3, rows: 100 });
});
afterAll(() => stage?.stop());

async function ask(path: string, body?: object): Promise<unknown> {
  const reply = await fetch(stage.controller.api + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${stage.lab.tokens.operator}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const json: unknown = await reply.json();
  if (reply.status !== 200) throw new Error(`${path}: ${reply.status} ${JSON.stringify(json)}`);
  return json;
}

const planOf = async (id: string) => planSchema.parse(await ask(`/v1/migrations/${id}/plan`));
const actsOf = ({ phases }: Plan, phase: string) => phases.find((each) => each.phase === phase)?.acts ?? [];
const slotsOf = () =>
  stage.at(
    stage.lab.control.store,
    `SELECT org_id, slot FROM ${stage.lab.storeAccount.database}.route_slots ORDER BY org_id`,
  );

/** Asks while nothing else happens, and proves that nothing was changed by it. */
async function changesNothing<T>(work: () => Promise<T>): Promise<T> {
  const [before, slots] = [await pictureOf(stage), await slotsOf()];
  const answer = await work();
  expect(await pictureOf(stage)).toEqual(before);
  expect(await slotsOf()).toEqual(slots);
  return answer;
}

describe('what is asked beforehand', () => {
  it('a preflight finds what the machine finds, and changes nothing', async () => {
    const { orgId, homeRegion } = stage.org(0);
    const report = preflightSchema.parse(await changesNothing(() => ask('/v1/preflight', { orgId })));
    expect(report).toMatchObject({ orgId, homeRegion, passed: true, refusals: 0 });
    const { id } = await stage.api.create(orgId);
    await stage.api.command(id, 'start');
    await stage.untilState(id, 'ready');
    const { findings } = await stage.api.get(id);
    expect(report.findings.map(({ code }) => code).sort()).toEqual(findings.map(({ code }) => code).sort());
    await stage.api.command(id, 'cancel');
    await stage.untilState(id, 'cancelled');
  });

  it('the plan of a whole move says what then happens, and changes nothing', async () => {
    const { orgId, homeRegion } = stage.org(1);
    const { id } = await stage.api.create(orgId);
    const planned = await changesNothing(() => planOf(id));
    const proxies = stage.lab.proxies.map(({ name }) => name);
    expect(planned.phases.map(({ phase }) => phase)).toEqual([
      ...['preflight', 'snapshot', 'replicating', 'lagCheck', 'ready', 'flipping'],
      ...['hold', 'drain', 'fence', 'marker', 'pin', 'park', 'commit', 'release'].map((step) => `flipping.${step}`),
      ...['verifying.settling', 'verifying', 'soaking', 'completing'],
    ]);
    expect(
      actsOf(planned, 'flipping.hold')
        .map(({ where }) => where)
        .sort(),
    ).toEqual([...proxies].sort());
    const sites = stage.sites.map(({ name }) => name);
    expect(actsOf(planned, 'flipping.fence').map(({ where, details }) => [where, details.writer])).toEqual(
      sites.map((site) => [site, 'nobody']),
    );
    expect(planned.unknown.join('\n')).toContain('ids of the org’s rules');

    await stage.api.command(id, 'start');
    await stage.untilState(id, 'ready');
    // From here on its tasks exist; a later plan says the same of them.
    const ready = await changesNothing(() => planOf(id));
    expect(ready.phases[0]?.phase).toBe('ready');
    const named = (plan: Plan) =>
      plan.phases.flatMap(({ acts }) => acts.flatMap(({ what }) => /^task (\S+)/.exec(what)?.[1] ?? []));
    const tasks = (await stage.lab.dms.faults.state()).tasks.map(({ identifier }) => identifier);
    const forward = named(planned).find((task) => task.includes(`org${orgId}-forward`));
    expect(tasks).toContain(forward);

    await stage.api.command(id, 'approve');
    await stage.untilState(id, 'soaking');
    // The rules at every proxy are the ones that the plan has said.
    const release = actsOf(ready, 'flipping.release').filter(({ details }) => Array.isArray(details.rules));
    for (const [index, name] of proxies.entries()) {
      const rules = await stage.admin(
        index,
        `SELECT destination_hostgroup FROM runtime_mysql_query_rules WHERE comment LIKE 'bigdb-cutover org=${orgId} %' ORDER BY rule_id`,
      );
      const said = release.find(({ where }) => where === name)?.details.rules as {
        active: number;
        destinationHostgroup: number;
      }[];
      expect(rules.map((rule) => Number((rule as Record<string, unknown>).destination_hostgroup))).toEqual(
        said.filter(({ active }) => active === 1).map(({ destinationHostgroup }) => destinationHostgroup),
      );
    }
    const rest = await changesNothing(() => planOf(id));
    expect(rest.phases.map(({ phase }) => phase)).toEqual(['soaking', 'completing']);
    expect(
      actsOf(rest, 'completing')
        .map(({ what }) => what)
        .join('\n'),
    ).toMatch(/reverse\S* is stopped and deleted/);

    expect(orgSchema.parse(await ask(`/v1/orgs/${orgId}`))).toMatchObject({
      served: 'cluster',
      homeRegion,
      migrations: [{ id, outcome: null }],
    });
    const { orgs } = routingSchema.parse(await ask('/v1/routing'));
    expect(orgs).toMatchObject([{ orgId, served: 'cluster', homeRegion, migrationId: id }]);
  });
});
