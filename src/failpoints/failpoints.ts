/** What happens at a point; null where nothing does. */
export type AtFailpoint = (name: string, key: string) => Promise<void>;

/**
 * Points at which a test ends, freezes or disturbs the controller. Off unless something was armed: then a point costs a
 * comparison and nothing else.
 */
let reached: AtFailpoint | null = null;

/** What happens at every point from now on; null switches all of them off. */
export function watchFailpoints(what: AtFailpoint | null): void {
  reached = what;
}

/** The point `name` of `failpointNames`; `key` says for whom it was reached. */
export async function failpoint(name: string, key: string | number): Promise<void> {
  if (reached !== null) await reached(name, String(key));
}

/** Work between the points `name.before` and `name.after`. */
export async function between<T>(name: string, key: string | number, work: () => Promise<T>): Promise<T> {
  if (reached === null) return work();
  await failpoint(`${name}.before`, key);
  const result = await work();
  await failpoint(`${name}.after`, key);
  return result;
}
