import { siteNames } from '../config.ts';
import { clusterNames } from '../world.ts';
import { controllerOf } from './controllers.ts';
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
  network.setWeather(one, other, { delayMs: [0.3, slowMs], trouble });
  hand.lasting(500, 10_000, () => network.setWeather(one, other, null));
}

export function proxyCutOff(hand: FaultHand): void {
  const { network, proxies } = hand.world;
  const proxy = hand.random.pick(proxies);
  const server = hand.random.pick([...siteNames, ...clusterNames]);
  hand.tell(`${proxy.name} is cut off from ${server}`);
  network.cut(proxy.name, server);
  hand.lasting(200, 5_000, () => network.heal(proxy.name, server));
}
