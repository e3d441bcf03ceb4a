import type { Route, RouteOwner } from '../../ports/routing.ts';
import type { RoutingConfig } from './config.ts';
import { commentFor, parseComment, rulesFor } from './rules.ts';

/** What a change of route writes, from what it is written with. */
export function describeRoutes(config: RoutingConfig) {
  return {
    route(owner: RouteOwner, step: string, route: Route) {
      const { read, write } = rulesFor(config, owner, route);
      return { comment: commentFor(owner, step, route), rules: [read, write] };
    },
    stateOf: parseComment,
  };
}
