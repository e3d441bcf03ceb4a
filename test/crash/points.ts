/** One controller killed at one point of one org's flip. */
export interface KillCase {
  readonly point: string;
  /** Clients of the org wait while the controller is at the point. */
  readonly held: boolean;
  /** Made to fail before, so that the point is reached: an abort needs a reason. */
  readonly failsAt?: string;
  /** Another controller is killed at this point first: what recovers is killed as well. */
  readonly firstAt?: string;
}

const around = (...names: string[]) => names.flatMap((name) => [`${name}.before`, `${name}.after`]);
const atProxy = (step: string) => ['changed', 'saved', 'loaded', 'readBack'].map((stage) => `proxy.${step}.${stage}`);
const cases = (points: readonly string[], more: Omit<KillCase, 'point'>): KillCase[] =>
  points.map((point) => ({ point, ...more }));

/** Nothing is held or decided yet: the next owner goes on with the same attempt. */
export const beforeHold = {
  forward: cases(
    [
      ...around('store.commit.flipping.prepare', 'flip.prepare', 'store.beginAttempt', 'dms.create'),
      ...atProxy('prepare'),
      'store.commit.flipping.hold.before',
    ],
    { held: false },
  ),
  back: cases(
    [
      ...around('store.commit.rollingBack.prepare', 'flip.prepare', 'store.beginAttempt'),
      ...atProxy('prepare'),
      'store.commit.rollingBack.hold.before',
    ],
    { held: false },
  ),
};

/** Held and undecided: the next owner aborts. */
const undecided = (journal: string) =>
  cases(
    [
      `store.commit.${journal}.after`,
      'flip.hold.before',
      ...atProxy('hold'),
      'flip.hold.after',
      ...around('flip.drain'),
      'flip.fence.before',
      ...around('fence.nobody'),
      'flip.fence.after',
      ...around('flip.marker', 'flip.pin'),
      'flip.park.before',
      ...atProxy('park'),
      'flip.park.after',
      'flip.commit.before',
      'store.decide.before',
    ],
    { held: true },
  );
export const inHold = { forward: undecided('flipping.hold'), back: undecided('rollingBack.hold') };

/** An abort under way: the next owner aborts again. */
const aborting = (taskWriter: string, journal: string) => [
  ...cases(['flip.abort.before', ...atProxy('abort'), 'flip.abort.after', ...around('fence.clients')], {
    failsAt: 'flip.marker.before',
    held: true,
  }),
  ...cases(around(`fence.${taskWriter}`), { failsAt: 'flip.park.before', held: true }),
  ...cases(around(`store.commit.${journal}`), { failsAt: 'flip.drain.before', held: false }),
  ...cases(around('flip.decide'), { firstAt: 'flip.marker.before', held: true }),
];
export const inAbort = { forward: aborting('forward', 'ready'), back: aborting('reverse', 'needsOperator') };

/** Committed: whoever comes next only goes forward. */
const released = (journal: string) => [
  'flip.release.after',
  ...around(`store.commit.${journal}`),
  'flip.settle.before',
  ...around('dms.stop', 'dms.delete'),
];
const committed = cases(
  [
    'store.decide.after',
    'flip.commit.after',
    'flip.release.before',
    ...around('fence.clients'),
    'proxy.openHold.copied',
    'proxy.openHold.loaded',
    ...atProxy('release'),
    'proxies.oneThere',
  ],
  { held: true },
);
export const afterCommit = {
  forward: [
    ...committed,
    ...cases([...released('verifying.settling'), ...around('fence.reverse', 'dms.start'), 'flip.settle.after'], {
      held: false,
    }),
  ],
  back: [...committed, ...cases([...released('rollingBack.settling'), 'flip.settle.after'], { held: false })],
};
