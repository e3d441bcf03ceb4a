import { cpus, loadavg, totalmem } from 'node:os';

/** Where a benchmark ran, and how busy it was there before. */
export interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly memoryGb: number;
  /** Processes that wanted a processor, over the last minute. */
  readonly loadBefore: number;
}

export function machineNow(): Machine {
  return {
    cpus: cpus().length,
    model: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

export function describeMachine({ cpus: count, model, memoryGb, loadBefore }: Machine): string {
  return `${count} × ${model}, ${memoryGb} GB, load ${loadBefore} before`;
}
