import { siteNames } from '../config.ts';
import type { WorldServer } from '../databases.ts';
import type { FaultHand } from './hand.ts';

/** How long the store is away when it is away in every state in turn (virtual milliseconds). */
export const storeAwayMs = 60_000;

export function serverOf(hand: FaultHand): WorldServer {
  const { sites, clusters, store, coredb } = hand.world.databases;
  return hand.random.weighted([
    ...sites.map((site) => [2, site] as const),
    ...[...clusters.values()].map((cluster) => [2, cluster] as const),
    [4, store],
    [1, coredb],
  ]);
}

export function serverFreeze(hand: FaultHand): void {
  const { name, process } = serverOf(hand);
  if (process.state !== 'running') return;
  hand.tell(`${name} is frozen`);
  process.stop();
  hand.lasting(100, 5_000, () => {
    hand.tell(`${name} is thawed`);
    process.continue();
  });
}

export function serverCrash(hand: FaultHand): void {
  const server = serverOf(hand);
  if (server.process.state !== 'running') return;
  hand.tell(`${server.name} is killed`);
  server.kill();
  hand.lasting(200, 5_000, () => {
    hand.tell(`${server.name} starts again`);
    server.restart();
  });
}

export function readOnly(hand: FaultHand): void {
  const server = hand.random.pick([...hand.world.databases.clusters.values()]);
  hand.tell(`${server.name} is read-only`);
  server.setReadOnly(true);
  hand.lasting(300, 6_000, () => server.setReadOnly(false));
}

export function replicationStall(hand: FaultHand): void {
  const from = hand.random.pick(siteNames);
  hand.tell(`replication from ${from} stands still`);
  hand.world.databases.stallReplication(from, true);
  hand.lasting(300, 6_000, () => hand.world.databases.stallReplication(from, false));
}

export function task(hand: FaultHand): void {
  // A table in error stops its task: that is among the settings that the product sends.
  const trouble = hand.random.pick(['fail', 'stop', 'lag'] as const);
  const task = hand.world.databases.troubleTask(trouble);
  if (task !== null) hand.tell(`task ${task}: ${trouble}`);
}

/** The store is away for a minute, whatever else goes on: nobody can write a journal, a lease or a decision. */
export function storeAway(hand: FaultHand): void {
  const { store } = hand.world.databases;
  if (store.process.state !== 'running') return;
  const frozen = hand.random.chance(0.4);
  hand.tell(`${store.name} is ${frozen ? 'frozen' : 'killed'} for a minute`);
  if (frozen) store.process.stop();
  else store.kill();
  const { process } = store;
  hand.lasting(storeAwayMs, storeAwayMs, () => {
    hand.tell(`${store.name} is back`);
    if (frozen) process.continue();
    else store.restart();
  });
}
