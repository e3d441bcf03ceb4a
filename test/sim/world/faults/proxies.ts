import type { FaultHand } from './hand.ts';

/** How often a tool reloads a proxy's rules when it does, and within what time (milliseconds). */
const reloads = 8;
const reloadsWithinMs = 16;

export function proxyFreeze(hand: FaultHand): void {
  const proxy = hand.random.pick(hand.world.proxies);
  const { process } = proxy;
  if (process.state !== 'running') return;
  hand.tell(`${proxy.name} is frozen`);
  process.stop();
  hand.lasting(100, 7_000, () => {
    hand.tell(`${proxy.name} is thawed`);
    process.continue();
  });
}

export function proxyRestart(hand: FaultHand): void {
  const proxy = hand.random.pick(hand.world.proxies);
  if (proxy.process.state !== 'running') return;
  hand.tell(`${proxy.name} is killed`);
  proxy.kill();
  hand.lasting(50, 4_000, () => {
    hand.tell(`${proxy.name} starts again from its disk`);
    proxy.restart();
  });
}

/** Somebody else works at the proxies: reloads what is saved, once or as a tool does it, or edits a rule and loads it later. */
export function colleague(hand: FaultHand): void {
  const proxy = hand.random.pick(hand.world.proxies);
  const sql = hand.random.pick([
    'LOAD MYSQL QUERY RULES FROM DISK',
    'LOAD MYSQL QUERY RULES TO RUNTIME',
    'SAVE MYSQL QUERY RULES TO DISK',
    `REPLACE INTO mysql_query_rules (rule_id, username, comment) VALUES (500, 'nobody', 'an edit')`,
  ]);
  const often = hand.random.chance(0.6) && !sql.startsWith('REPLACE') ? reloads : 1;
  hand.tell(`a colleague at ${proxy.name}, ${often} times: ${sql}`);
  const run = (statement: string) => {
    if (proxy.process.state === 'running') proxy.execute(statement);
  };
  run(sql);
  for (let time = 1; time < often; time++)
    hand.world.scheduler.after(hand.random.between(0, reloadsWithinMs), () => run(sql));
  hand.lasting(300, 4_000, () => run('DELETE FROM mysql_query_rules WHERE rule_id = 500'));
}
