import type { SimProxy } from '../../proxy/simProxy.ts';
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
  // A watchdog brings it back before anybody has noticed more than a lost connection.
  const [fromMs, toMs] = hand.random.chance(0.3) ? [0.1, 3] : [50, 4_000];
  hand.lasting(fromMs, toMs, () => {
    hand.tell(`${proxy.name} starts again from its disk`);
    proxy.restart();
  });
}

/** Somebody reloads what is saved right behind the next edit of a controller's, before it is saved: the edit is gone. */
export function revert(hand: FaultHand): void {
  let wanted = true;
  for (const proxy of hand.world.proxies) {
    proxy.onceEdited(() => {
      if (!wanted || proxy.process.state !== 'running') return;
      wanted = false;
      hand.tell(`a colleague at ${proxy.name} loads the rules from disk, right behind an edit`);
      proxy.execute('LOAD MYSQL QUERY RULES FROM DISK');
    });
  }
  hand.lasting(500, 3_000, () => {
    wanted = false;
  });
}

/** Somebody else works at the proxies: reloads what is saved, once or as a tool does it everywhere, or edits a rule and loads it later. */
export function colleague(hand: FaultHand): void {
  const { proxies, scheduler } = hand.world;
  const sql = hand.random.weighted([
    [4, 'LOAD MYSQL QUERY RULES FROM DISK'],
    [1, 'LOAD MYSQL QUERY RULES TO RUNTIME'],
    [1, 'SAVE MYSQL QUERY RULES TO DISK'],
    [1, `REPLACE INTO mysql_query_rules (rule_id, username, comment) VALUES (500, 'nobody', 'an edit')`],
  ]);
  const tool = !sql.startsWith('REPLACE') && hand.random.chance(0.6);
  const where = tool ? proxies : [hand.random.pick(proxies)];
  const run = (proxy: SimProxy, statement: string) => {
    if (proxy.process.state === 'running') proxy.execute(statement);
  };
  for (const proxy of where) {
    hand.tell(`a colleague at ${proxy.name}, ${tool ? reloads : 1} times: ${sql}`);
    run(proxy, sql);
    for (let time = 1; tool && time < reloads; time++)
      scheduler.after(hand.random.between(0, reloadsWithinMs), () => run(proxy, sql));
  }
  hand.lasting(300, 4_000, () => {
    for (const proxy of where) run(proxy, 'DELETE FROM mysql_query_rules WHERE rule_id = 500');
  });
}
