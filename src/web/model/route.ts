/** What is shown; the address bar says it behind `#`. */
export type Route =
  | { readonly view: 'orgs' }
  | { readonly view: 'org'; readonly id: string }
  | { readonly view: 'waves' }
  | { readonly view: 'wave'; readonly id: string }
  | { readonly view: 'fleet' };

export function routeOf(hash: string): Route {
  const [view, id] = hash.replace(/^#\/?/, '').split('/');
  if (view === 'fleet') return { view };
  if (view === 'waves') return id === undefined || id === '' ? { view } : { view: 'wave', id: decodeURIComponent(id) };
  if (view === 'migrations' && id !== undefined && id !== '') return { view: 'org', id: decodeURIComponent(id) };
  return { view: 'orgs' };
}

export function hashOf(route: Route): string {
  switch (route.view) {
    case 'orgs':
      return '#/';
    case 'org':
      return `#/migrations/${encodeURIComponent(route.id)}`;
    case 'waves':
      return '#/waves';
    case 'wave':
      return `#/waves/${encodeURIComponent(route.id)}`;
    case 'fleet':
      return '#/fleet';
  }
}

/** Where the lag of the past is, for a view that draws it. */
export function historyOf(route: Route): string | null {
  return route.view === 'org' ? `/v1/migrations/${encodeURIComponent(route.id)}/lag` : null;
}

/** The stream that tells what the view shows. */
export function streamOf(route: Route): string {
  switch (route.view) {
    case 'orgs':
      return '/v1/live/migrations';
    case 'org':
      return `/v1/live/migrations/${encodeURIComponent(route.id)}`;
    case 'waves':
      return '/v1/live/waves';
    case 'wave':
      return `/v1/live/waves/${encodeURIComponent(route.id)}`;
    case 'fleet':
      return '/v1/live/fleet';
  }
}
