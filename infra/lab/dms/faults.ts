import { z } from 'zod';

const task = z.string().default('*').describe('prefix of task identifiers; * for all');
const operation = z.string().default('*');

/** The lab's switches, as they are sent to `POST /lab/faults`. Those with `on` stay until switched off. */
export const faultSchema = z.discriminatedUnion('kind', [
  /** Changes reach the target this much later than the source's binary log had them. */
  z.strictObject({ kind: z.literal('applyLag'), task, ms: z.number().min(0) }),
  z.strictObject({ kind: z.literal('holdApply'), task, on: z.boolean() }),
  z.strictObject({
    kind: z.literal('tableError'),
    task,
    table: z.string().describe('table, or schema.table'),
    message: z.string().default('table error asked for by the lab'),
    on: z.boolean().default(true),
  }),
  z.strictObject({
    kind: z.literal('taskFailure'),
    task,
    reason: z.enum(['RECOVERABLE_ERROR', 'FATAL_ERROR']),
    message: z.string().default('task failure asked for by the lab'),
  }),
  /** The task resumes though nobody asked; the last transactions before the checkpoint may come again. */
  z.strictObject({
    kind: z.literal('selfResume'),
    task,
    replayTransactions: z.number().int().min(0).default(0),
  }),
  /** The next calls are refused as throttled. */
  z.strictObject({ kind: z.literal('throttle'), operation, calls: z.number().int().min(0) }),
  /** Limits all calls; null lifts the limit that was set. */
  z.strictObject({
    kind: z.literal('apiRate'),
    perSecond: z.number().min(0).nullable(),
    capacity: z.number().int().min(1).default(1),
  }),
  /** The operation is carried out and its answer never arrives. */
  z.strictObject({
    kind: z.literal('lostReply'),
    operation,
    calls: z.number().int().min(0),
    how: z.enum(['drop', '500']).default('drop'),
  }),
  z.strictObject({ kind: z.literal('unreachable'), how: z.enum(['refuse', 'hang', 'off']) }),
  /** Whoever asks is told that nobody knows the credentials, or no longer. */
  z.strictObject({ kind: z.literal('credentials'), are: z.enum(['good', 'expired', 'unknown']) }),
  /** Every replication instance shows this status (storage-full, modifying, …); null: its own. */
  z.strictObject({ kind: z.literal('instances'), status: z.string().nullable() }),
  z.strictObject({ kind: z.literal('slowDelete'), task, ms: z.number().min(0) }),
  /** Everything back to normal; what has already happened stays. */
  z.strictObject({ kind: z.literal('clear') }),
]);

export type Fault = z.infer<typeof faultSchema>;
export type FaultInput = z.input<typeof faultSchema>;

interface PerCalls {
  readonly operation: string;
  left: number;
}

/** The faults that are switched on. */
export class Faults {
  readonly #lags = new Map<string, number>();
  readonly #holds = new Set<string>();
  readonly #tableErrors = new Map<string, { task: string; table: string; message: string }>();
  readonly #slowDeletes = new Map<string, number>();
  #throttles: PerCalls[] = [];
  #lostReplies: (PerCalls & { how: 'drop' | '500' })[] = [];
  unreachable: 'refuse' | 'hang' | 'off' = 'off';
  credentials: 'good' | 'expired' | 'unknown' = 'good';
  instanceStatus: string | null = null;
  apiRate: { perSecond: number; capacity: number } | null = null;

  /** Keeps a lasting fault; those that happen to a task at once are the region's affair. */
  set(fault: Fault): void {
    switch (fault.kind) {
      case 'applyLag':
        put(this.#lags, fault.task, fault.ms);
        break;
      case 'slowDelete':
        put(this.#slowDeletes, fault.task, fault.ms);
        break;
      case 'holdApply':
        if (fault.on) this.#holds.add(fault.task);
        else this.#holds.delete(fault.task);
        break;
      case 'tableError': {
        const key = `${fault.task} ${fault.table}`;
        if (fault.on) this.#tableErrors.set(key, fault);
        else this.#tableErrors.delete(key);
        break;
      }
      case 'throttle':
        this.#throttles.push({ operation: fault.operation, left: fault.calls });
        break;
      case 'lostReply':
        this.#lostReplies.push({ operation: fault.operation, left: fault.calls, how: fault.how });
        break;
      case 'apiRate':
        this.apiRate = fault.perSecond === null ? null : { perSecond: fault.perSecond, capacity: fault.capacity };
        break;
      case 'unreachable':
        this.unreachable = fault.how;
        break;
      case 'credentials':
        this.credentials = fault.are;
        break;
      case 'instances':
        this.instanceStatus = fault.status;
        break;
      case 'clear':
        this.#clear();
        break;
      default:
        break;
    }
  }

  lagMs(taskId: string): number {
    return Math.max(0, ...matching(this.#lags, taskId));
  }

  isHeld(taskId: string): boolean {
    return [...this.#holds].some((prefix) => matches(prefix, taskId));
  }

  slowDeleteMs(taskId: string): number {
    return Math.max(0, ...matching(this.#slowDeletes, taskId));
  }

  tableError(taskId: string, table: string): string | null {
    for (const fault of this.#tableErrors.values()) {
      if (!matches(fault.task, taskId)) continue;
      if (fault.table === table || table.endsWith(`.${fault.table}`)) return fault.message;
    }
    return null;
  }

  /** Uses up one throttled call, if one is due for the operation. */
  takeThrottle(operation: string): boolean {
    return take(this.#throttles, operation) !== null;
  }

  takeLostReply(operation: string): 'drop' | '500' | null {
    return take(this.#lostReplies, operation)?.how ?? null;
  }

  #clear(): void {
    this.#lags.clear();
    this.#holds.clear();
    this.#tableErrors.clear();
    this.#slowDeletes.clear();
    this.#throttles = [];
    this.#lostReplies = [];
    this.unreachable = 'off';
    this.credentials = 'good';
    this.instanceStatus = null;
    this.apiRate = null;
  }
}

export const matches = (prefix: string, taskId: string): boolean => prefix === '*' || taskId.startsWith(prefix);

function put(map: Map<string, number>, key: string, value: number): void {
  if (value === 0) map.delete(key);
  else map.set(key, value);
}

function matching(map: ReadonlyMap<string, number>, taskId: string): number[] {
  return [...map].filter(([prefix]) => matches(prefix, taskId)).map(([, value]) => value);
}

function take<T extends PerCalls>(list: T[], operation: string): T | null {
  const found = list.find((each) => each.left > 0 && (each.operation === '*' || each.operation === operation));
  if (found === undefined) return null;
  found.left -= 1;
  return found;
}
