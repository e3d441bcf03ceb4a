import type { onSendAsyncHookHandler, preHandlerAsyncHookHandler, RouteOptions } from 'fastify';
import type { App } from './types.ts';

/**
 * Hooks of every POST of the scope that is made behind this, and of what `also` names, in the order of the calls. Nothing
 * else passes them: it is read far more often than written.
 */
export function hookPosts(
  scope: App,
  hooks: { readonly preHandler: preHandlerAsyncHookHandler; readonly onSend: onSendAsyncHookHandler<unknown> },
  also: (route: RouteOptions) => boolean = () => false,
): void {
  scope.addHook('onRoute', (route) => {
    if (route.method !== 'POST' && !also(route)) return;
    route.preHandler = [...[route.preHandler ?? []].flat(), hooks.preHandler];
    route.onSend = [...[route.onSend ?? []].flat(), hooks.onSend];
  });
}
