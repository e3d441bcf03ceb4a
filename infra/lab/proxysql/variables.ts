import { VARIABLE_DEFAULTS } from './variableDefaults.ts';

/** The variables of the runtime. Values are strings, as in `global_variables`. */
export class Variables {
  readonly #values = new Map(VARIABLE_DEFAULTS);

  get(name: string): string {
    return this.#values.get(name) ?? '';
  }

  number(name: string): number {
    return Number(this.get(name));
  }

  boolean(name: string): boolean {
    return this.get(name) === 'true' || this.get(name) === '1';
  }

  entries(prefix: string): [string, string][] {
    return [...this.#values].filter(([name]) => name.startsWith(prefix));
  }

  /**
   * Takes a value over if it is of the kind that the variable has; returns the value that holds now.
   * A refused value leaves the old one, as a LOAD VARIABLES of ProxySQL does.
   */
  set(name: string, value: string): string {
    const initial = VARIABLE_DEFAULTS.get(name);
    if (initial === undefined) return value;
    if (/^(true|false)$/.test(initial)) {
      if (/^(true|1)$/i.test(value)) this.#values.set(name, 'true');
      else if (/^(false|0)$/i.test(value)) this.#values.set(name, 'false');
    } else if (!/^\d+$/.test(initial) || /^\d+$/.test(value)) {
      this.#values.set(name, value);
    }
    return this.get(name);
  }
}
