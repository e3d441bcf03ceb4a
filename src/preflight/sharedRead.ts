/** Reads that are under way, by what they are read of: several questions of one preflight share them. */
const underWay = new WeakMap<object, Map<string, Promise<unknown>>>();

/** One read for all who ask for the same while it is under way; a later one reads anew. */
export function sharedRead<T>(of: object, what: string, read: () => Promise<T>): Promise<T> {
  const reads = underWay.get(of) ?? new Map<string, Promise<unknown>>();
  underWay.set(of, reads);
  const known = reads.get(what) as Promise<T> | undefined;
  if (known !== undefined) return known;
  const begun = read().finally(() => reads.delete(what));
  reads.set(what, begun);
  return begun;
}
