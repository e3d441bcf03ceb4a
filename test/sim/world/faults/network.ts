import { siteNames } from '../config.ts';
import { clusterNames, type World } from '../world.ts';
import { controllerOf, kill } from './controllers.ts';
import type { FaultHand } from './hand.ts';

export function partition(hand: FaultHand, orgId: number | undefined): void {
  const { network, databases, proxies } = hand.world;
  const controller = controllerOf(hand, orgId);
  if (controller === null) return;
  const others = [
    ...proxies.map(({ name }) => name),
    ...siteNames,
    ...clusterNames,
    databases.store.name,
    databases.store.name,
    databases.coredb.name,
    databases.dms.name,
  ];
  const cut = hand.random.chance(0.15) ? others : [hand.random.pick(others)];
  hand.tell(`${controller.name} is cut off from ${[...new Set(cut)].join(', ')}`);
  for (const other of cut) network.cut(controller.name, other);
  hand.lasting(200, 8_000, () => {
    hand.tell(`${controller.name} reaches ${[...new Set(cut)].join(', ')} again`);
    for (const other of cut) network.heal(controller.name, other);
  });
}

export function weather(hand: FaultHand): void {
  const { network, databases, proxies, controllers } = hand.world;
  const places = [...siteNames, ...clusterNames, databases.store.name, databases.coredb.name, databases.dms.name];
  const [one, other] = hand.random.chance(0.75)
    ? [hand.random.pick(controllers).name, hand.random.pick([...places, ...proxies.map(({ name }) => name)])]
    : [hand.random.pick(proxies).name, hand.random.pick([...siteNames, ...clusterNames])];
  const trouble = hand.random.between(0.01, 0.25);
  const slowMs = hand.random.between(1, 120);
  hand.tell(`messages between ${one} and ${other} get lost (${trouble.toFixed(2)}) and slow (${slowMs.toFixed(0)} ms)`);
  network.setWeather(one, other, { delayMs: [0.3, slowMs], trouble, fates: ['lost', 'lostSilently', 'late'] });
  hand.lasting(500, 10_000, () => network.setWeather(one, other, null));
}

/**
 * The next change that an org's owner asks for comes late, when it has been given up: some seconds later, or once the
 * attempt that it was for is over. At times its sender is dead by then.
 */
export function lastWords(hand: FaultHand, orgId: number | undefined, at?: Side): void {
  const { network } = hand.world;
  const controller = controllerOf(hand, orgId);
  if (controller === null) return;
  const other = hand.random.pick(namesOf(hand.world, at));
  const dies = hand.random.chance(0.5);
  const diesAfterMs = hand.random.between(0.1, 8);
  const outlives = orgId !== undefined && hand.random.chance(0.5);
  hand.tell(
    `the next change that ${controller.name} asks ${other} for comes ${outlives ? 'after its attempt' : 'late'}`,
  );
  network.setWeather(controller.name, other, {
    delayMs: [0.3, 1],
    trouble: 1,
    fates: ['late'],
    only: 'change',
    ...(outlives ? { late: (arrive: () => void) => behindAttempt(hand, orgId, arrive) } : {}),
    caught() {
      network.setWeather(controller.name, other, null);
      if (dies) hand.world.scheduler.after(diesAfterMs, () => kill(hand, controller));
    },
  });
  hand.lasting(500, 3_000, () => network.setWeather(controller.name, other, null));
}

/** How often is looked whether an attempt is over, and after how long a message arrives anyhow (milliseconds). */
const lookEveryMs = 20;
const longestLateMs = 60_000;

/** Arrives once the org has left its flip, or has only come to the pause between two attempts; then within two seconds. */
function behindAttempt({ world, random }: FaultHand, orgId: number, arrive: () => void): void {
  const over = random.chance(0.5) ? /^(?!flipping|rollingBack)/ : /^(?!flipping|rollingBack)|\.backoff$/;
  const untilMs = world.nowMs + longestLateMs;
  const look = () => {
    if (over.test(world.stateOf(orgId)) || world.nowMs >= untilMs) {
      world.scheduler.after(random.between(0, 2_000), arrive);
    } else world.scheduler.after(lookEveryMs, look);
  };
  look();
}

/** Where an org's owner changes something. */
export type Side = 'proxies' | 'sites' | 'clusters';

function namesOf(world: World, side: Side | undefined): readonly string[] {
  const names = { proxies: world.proxies.map(({ name }) => name), sites: siteNames, clusters: clusterNames };
  return side === undefined ? Object.values(names).flat() : names[side];
}

export function proxyCutOff(hand: FaultHand): void {
  const { network, proxies } = hand.world;
  const proxy = hand.random.pick(proxies);
  const server = hand.random.pick([...siteNames, ...clusterNames]);
  hand.tell(`${proxy.name} is cut off from ${server}`);
  network.cut(proxy.name, server);
  hand.lasting(200, 5_000, () => network.heal(proxy.name, server));
}
