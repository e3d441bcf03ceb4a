/** Percentiles of a list of measurements, by nearest rank. */
export interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function figuresOf(values: readonly number[]): Figures {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: round(Math.max(0, ...values)) };
}

/** The p-th percentile (0 to 1); 0 of an empty list. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return round(sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)] ?? 0);
}

/** To a tenth. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** To a hundredth: for ratios. */
export function ratio(value: number, floor: number): number {
  return floor === 0 ? Number.POSITIVE_INFINITY : Math.round((value / floor) * 100) / 100;
}

/** The largest of parts that are measured in milliseconds, in words. */
export function slowestOf(parts: Readonly<Record<string, number>>): string {
  const [slowest = ['nothing was measured', 0]] = Object.entries(parts).sort(([, one], [, other]) => other - one);
  return `${slowest[0]}: ${slowest[1]} ms`;
}
