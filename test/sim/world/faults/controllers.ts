import type { World } from '../world.ts';
import type { FaultHand } from './hand.ts';

/** The org's owner, or any controller that runs. */
export function controllerOf(hand: FaultHand, orgId: number | undefined): World['controllers'][number] | null {
  const running = hand.world.controllers.filter(({ process }) => process.state === 'running');
  if (running.length === 0) return null;
  const journal = orgId === undefined ? null : hand.world.journalOf(orgId);
  const owner = running.find((one) => journal !== null && one.stateOf(journal.id) !== null);
  return owner ?? hand.random.pick(running);
}

export function crash(hand: FaultHand, orgId: number | undefined): void {
  const controller = controllerOf(hand, orgId);
  if (controller !== null) kill(hand, controller);
}

/** This one, if it still runs. */
export function kill(hand: FaultHand, controller: World['controllers'][number]): void {
  if (controller.process.state === 'dead') return;
  hand.tell(`${controller.name} is killed`);
  controller.kill();
  hand.lasting(200, 6_000, () => controller.start());
}

export function handOver(hand: FaultHand, orgId: number | undefined): void {
  const controller = controllerOf(hand, orgId);
  if (controller === null) return;
  hand.tell(`${controller.name} is told to stop`);
  controller.stopInOrder();
  hand.lasting(5_000, 10_000, () => controller.start());
}

export function pause(hand: FaultHand, orgId: number | undefined): void {
  const controller = controllerOf(hand, orgId);
  if (controller === null) return;
  hand.tell(`${controller.name} is stopped by SIGSTOP`);
  const { process } = controller;
  process.stop();
  hand.lasting(100, 9_000, () => {
    hand.tell(`${controller.name} goes on`);
    process.continue();
  });
}

export function clockJump(hand: FaultHand, orgId: number | undefined): void {
  const controller = controllerOf(hand, orgId);
  if (controller === null) return;
  const jumpMs = hand.random.pick([-3_600_000, 3_600_000]);
  hand.tell(`the clock of ${controller.name} jumps by ${jumpMs} ms`);
  controller.process.skewMs += jumpMs;
}
