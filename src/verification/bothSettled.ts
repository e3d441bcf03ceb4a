/**
 * Both results, or the first side's failure. Waits for both in any case: nothing may still run on a view when the
 * caller closes it.
 */
export async function bothSettled<S, T>(source: Promise<S>, target: Promise<T>): Promise<[S, T]> {
  const [first, second] = await Promise.allSettled([source, target]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
