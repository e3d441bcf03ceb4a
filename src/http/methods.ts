import { MethodNotAllowedError } from '../errors/http.ts';
import type { App } from './types.ts';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Watches the scope's routes. The function it gives answers 405 at their paths for every method they do not have. */
export function watchMethods(scope: App): () => void {
  const served = new Map<string, Set<string>>();
  scope.addHook('onRoute', ({ url, method }) => {
    const all = served.get(url) ?? new Set();
    for (const each of [method].flat()) all.add(each);
    served.set(url, all);
  });

  return () => {
    for (const [url, allowed] of [...served]) {
      const names = [...allowed];
      scope.route({
        url,
        method: methods.filter((method) => !allowed.has(method)),
        config: { role: 'viewer' },
        // Before the body is read: it does not matter what is in it.
        preParsing: async (request) => {
          throw new MethodNotAllowedError(request.method, names);
        },
        handler: async (request) => {
          throw new MethodNotAllowedError(request.method, names);
        },
      });
    }
  };
}
