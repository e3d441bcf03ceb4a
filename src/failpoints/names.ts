/** Effects of the flip: a failpoint stands before and behind each. */
const steps = [
  'prepare',
  'hold',
  'drain',
  'fence',
  'marker',
  'pin',
  'park',
  'commit',
  'release',
  'abort',
  'decide',
  'settle',
] as const;
/** Changes of an org's rules at a proxy, by the step that wants them, and how far each has come there. */
const routeSteps = ['prepare', 'hold', 'park', 'release', 'abort'] as const;
const routeStages = ['changed', 'saved', 'loaded', 'readBack'] as const;
/** What a fence is set to; its lock is waited for between the two. */
const writers = ['nobody', 'clients', 'forward', 'reverse'] as const;
const taskActions = ['create', 'start', 'stop', 'delete'] as const;
/** Where the journal stands after a step around a flip. */
const journalled = [
  'flipping.prepare',
  'flipping.hold',
  'verifying.settling',
  'ready',
  'rollingBack.prepare',
  'rollingBack.hold',
  'rollingBack.settling',
  'needsOperator',
] as const;

const around = (name: string) => [`${name}.before`, `${name}.after`];

/** Behind the rows of a chunk, and behind the record of it: reached by a purge, which no move does. */
export const purgeFailpoints: readonly string[] = ['purge.chunk.deleted', 'purge.chunk.recorded'];

/**
 * Every failpoint there is. Each is reached with a key: the migration's id in the store, the task's id at DMS, the
 * number of the org everywhere else.
 */
export const failpointNames: readonly string[] = [
  ...journalled.flatMap((state) => around(`store.commit.${state}`)),
  ...around('store.beginAttempt'),
  ...around('store.decide'),
  ...steps.flatMap((step) => around(`flip.${step}`)),
  ...routeSteps.flatMap((step) => routeStages.map((stage) => `proxy.${step}.${stage}`)),
  'proxy.openHold.copied',
  'proxy.openHold.loaded',
  // One proxy of the fleet is there, the others may not be.
  'proxies.oneThere',
  ...writers.flatMap((writer) => around(`fence.${writer}`)),
  ...taskActions.flatMap((action) => around(`dms.${action}`)),
  ...purgeFailpoints,
];
