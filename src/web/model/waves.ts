import type { WaveCommandName, WaveOrgStatus, WaveStatus } from '../../service/waveStatus.ts';
import type { Standing } from '../../waves/standing.ts';
import type { Tone } from './states.ts';

const tones: Readonly<Record<WaveStatus['state'], Tone>> = {
  planned: { name: 'idle', mark: '○' },
  running: { name: 'run', mark: '▸' },
  paused: { name: 'ask', mark: '‖' },
  cancelling: { name: 'back', mark: '×' },
  rollingBack: { name: 'back', mark: '↩' },
  completed: { name: 'done', mark: '✓' },
  cancelled: { name: 'idle', mark: '×' },
  rolledBack: { name: 'idle', mark: '↩' },
};
const fallback: Tone = { name: 'idle', mark: '○' };

export const waveTone = (state: string): Tone => tones[state as WaveStatus['state']] ?? fallback;

const standingTones: Readonly<Record<Standing, Tone>> = {
  waiting: { name: 'idle', mark: '○' },
  starting: { name: 'run', mark: '▸' },
  loading: { name: 'run', mark: '▸' },
  paused: { name: 'idle', mark: '‖' },
  ready: { name: 'ask', mark: '?' },
  flipping: { name: 'hot', mark: '⇄' },
  onCluster: { name: 'good', mark: '◔' },
  goingBack: { name: 'back', mark: '↩' },
  stuck: { name: 'bad', mark: '!' },
  refused: { name: 'bad', mark: '!' },
  completed: { name: 'done', mark: '✓' },
  rolledBack: { name: 'back', mark: '↩' },
  cancelled: { name: 'idle', mark: '×' },
};

export const standingTone = (standing: string): Tone => standingTones[standing as Standing] ?? fallback;

/** In the order in which an org goes through them; what is wrong comes first. */
const inOrder: readonly Standing[] = [
  'stuck',
  'refused',
  'goingBack',
  'rolledBack',
  'flipping',
  'ready',
  'paused',
  'loading',
  'starting',
  'waiting',
  'onCluster',
  'completed',
  'cancelled',
];

/** Where the wave's orgs are, without what no org is. */
export function standingsOf({ standings }: Pick<WaveStatus, 'standings'>): readonly (readonly [Standing, number])[] {
  return inOrder.map((standing) => [standing, standings[standing] ?? 0] as const).filter(([, orgs]) => orgs > 0);
}

/** Waves that need somebody, then those under way, then what has ended, the last first. */
export function wavesInOrder(waves: readonly WaveStatus[]): readonly WaveStatus[] {
  const weight = ({ state }: WaveStatus) =>
    state === 'paused' ? 0 : ['cancelled', 'completed', 'rolledBack'].includes(state) ? 2 : 1;
  return [...waves].sort((a, b) => weight(a) - weight(b) || b.createdAt.localeCompare(a.createdAt));
}

/** The orgs that somebody looks for: of one standing, or of all, and by number or region. */
export function orgsWanted(
  orgs: readonly WaveOrgStatus[],
  standing: string | null,
  search: string,
): readonly WaveOrgStatus[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return orgs.filter(
    (org) =>
      (standing === null || org.standing === standing) &&
      words.every((word) =>
        /^\d+$/.test(word)
          ? String(org.orgId).startsWith(word)
          : `${org.homeRegion} ${org.standing} ${org.state ?? ''} ${org.reason ?? ''}`.toLowerCase().includes(word),
      ),
  );
}

/** A command to a wave. */
export interface WaveCommand {
  readonly name: WaveCommandName;
  /** Under which `/v1/me` says the role it needs. */
  readonly role: string;
  readonly label: string;
  readonly about: string;
  readonly needsReason: boolean;
  readonly weight: 'light' | 'heavy';
}

const light = { needsReason: false, weight: 'light' } as const;
const heavy = { needsReason: true, weight: 'heavy' } as const;

const known: Readonly<Record<WaveCommandName, Omit<WaveCommand, 'name' | 'role'>>> = {
  start: {
    label: 'Start the wave',
    about: 'Its orgs start, and flip as limits, windows and approval allow.',
    ...light,
  },
  approve: {
    label: 'Approve its flips',
    about: 'Each of its orgs flips when it is ready and the wave lets it go, without being asked for again.',
    needsReason: false,
    weight: 'heavy',
  },
  resume: {
    label: 'Resume',
    about: 'Goes on. What its stop rules have counted until now counts no more.',
    needsReason: false,
    weight: 'heavy',
  },
  pause: {
    label: 'Pause',
    about: 'Starts and lets go no more orgs. What is under way goes on to where it waits.',
    ...light,
  },
  rollback: {
    label: 'Roll back the wave',
    about:
      'Every org of the wave that has not completed goes back to BigDB with everything that was written meanwhile.',
    ...heavy,
  },
  cancel: {
    label: 'Cancel the wave',
    about: 'No more orgs start, and the moves of those that are not on Aurora yet are cancelled.',
    ...heavy,
  },
};
const order: readonly WaveCommandName[] = ['start', 'approve', 'resume', 'pause', 'rollback', 'cancel'];

/** What the wave's state allows, first what leads on. */
export function waveCommands({ allowed }: Pick<WaveStatus, 'allowed'>): readonly WaveCommand[] {
  return order
    .filter((name) => allowed.includes(name))
    .map((name) => ({ name, role: `wave${name.charAt(0).toUpperCase()}${name.slice(1)}`, ...known[name] }));
}
