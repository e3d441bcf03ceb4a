import type { Random } from '../../time/random.ts';
import type { World } from '../world.ts';

/** What a fault is done with. */
export interface FaultHand {
  readonly world: World;
  readonly random: Random;
  tell(what: string): void;
  /** Has something wrong for a time; `end` comes once, at its time or when all is healed. */
  lasting(fromMs: number, toMs: number, end: () => void): void;
}
