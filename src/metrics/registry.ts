import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What every name begins with. */
export const prefix = 'bigdb_cutover_';

/** What a metric is called, what it says, and what tells its series apart. */
export interface Definition {
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

const common = ({ name, help, labels = [] }: Definition, registry: Registry) => ({
  name: `${prefix}${name}`,
  help,
  labelNames: [...labels],
  registers: [registry],
});

/** A registry of its own for each controller: a test, or a process with two, mixes none of their figures. */
export function newRegistry(): Registry {
  return new Registry();
}

/**
 * A gauge. With `collect` it is emptied and filled from memory at each scrape, so that the series of what has ended go
 * by themselves.
 */
export function gauge(registry: Registry, definition: Definition, collect?: (gauge: Gauge) => void): Gauge {
  return new Gauge({
    ...common(definition, registry),
    ...(collect === undefined
      ? {}
      : {
          collect(this: Gauge) {
            this.reset();
            // Without labels a reset leaves a zero, which would be a figure that nobody measured.
            if (definition.labels === undefined) this.remove();
            collect(this);
          },
        }),
  });
}

/** A counter; with `collect` one whose figures somebody else counts and that is only shown here. */
export function counter(registry: Registry, definition: Definition, collect?: (counter: Counter) => void): Counter {
  return new Counter({
    ...common(definition, registry),
    ...(collect === undefined
      ? {}
      : {
          collect(this: Counter) {
            this.reset();
            collect(this);
          },
        }),
  });
}

/** A histogram of seconds. */
export function histogram(registry: Registry, definition: Definition, buckets: readonly number[]): Histogram {
  return new Histogram({ ...common(definition, registry), buckets: [...buckets] });
}
