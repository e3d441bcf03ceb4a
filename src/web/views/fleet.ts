import type { FleetStatus, ProxyStatus } from '../../service/fleetStatus.ts';
import { html, type View } from '../html.ts';
import { OrderButton } from '../parts/commandButton.ts';
import { usePage } from '../parts/context.ts';
import { fleetOrder } from '../parts/orders.ts';
import { Ago, Details, Note } from '../parts/small.ts';

/** Every proxy: whether it counts, whether it answers, and where it sends the orgs that move or have moved. */
export function FleetView({ fleet }: { fleet: FleetStatus | null }): View {
  if (fleet === null) return html`<p class="empty">Asking the controller…</p>`;
  const { proxies, joining, revision } = fleet;
  const silent = proxies.filter(({ reachable, standing }) => reachable === false && standing === 'member');
  return html`
    <div class="bar"><h1>Fleet</h1><p class="soft">${proxies.length} proxies, revision ${revision}</p></div>
    ${joining !== null && html`<${Note} tone="hot" title=${`${joining} is being added; flips wait meanwhile.`} />`}
    ${
      silent.length > 0 &&
      html`<${Note} tone="bad" title=${`${silent.map(({ name }) => name).join(', ')}: no answer. No flip begins without every member.`}>
        <p>Bring it back, or take it out once it is dead. What it holds stays held until then.</p>
      </${Note}>`
    }
    <div class="proxies">${proxies.map((proxy) => html`<${ProxyCard} key=${proxy.name} proxy=${proxy} />`)}</div>
  `;
}

const standings = { member: 'counts', removed: 'taken out', notAdmitted: 'not added yet' } as const;

function healthOf({ reachable, standing, warning }: ProxyStatus): { tone: string; mark: string; text: string } {
  if (warning !== null) return { tone: 'bad', mark: '!', text: 'answers, and must not' };
  if (reachable === null) return { tone: 'idle', mark: '○', text: 'not looked at yet' };
  if (reachable) return { tone: 'good', mark: '✓', text: 'answers' };
  return standing === 'member'
    ? { tone: 'bad', mark: '!', text: 'does not answer' }
    : { tone: 'idle', mark: '×', text: 'does not answer' };
}

function ProxyCard({ proxy }: { proxy: ProxyStatus }): View {
  const { order } = usePage();
  const { name, standing, since, by, reason, evidence, configured, silentSince, message, version } = proxy;
  const { heldOrgs, warning, drift, drifts } = proxy;
  const { tone, mark, text } = healthOf(proxy);
  return html`<section class="card proxy" aria-label=${name}>
    <header>
      <h2>${name}</h2>
      <span class=${`badge ${tone}`}><span class="mark" aria-hidden="true">${mark}</span>${text}</span>
    </header>
    <dl class="facts">
      <div><dt>In a flip</dt><dd>${standings[standing]}${since !== null && html` <span class="soft">since <${Ago} at=${since} /></span>`}</dd></div>
      <div><dt>Version</dt><dd>${version ?? '–'}</dd></div>
      ${silentSince !== null && html`<div><dt>Silent since</dt><dd><${Ago} at=${silentSince} /></dd></div>`}
      ${by !== null && html`<div><dt>Changed by</dt><dd>${by}${reason !== null && html`: ${reason}`}</dd></div>`}
      ${!configured && html`<div><dt>Configuration</dt><dd>of the controller that was asked does not name it</dd></div>`}
    </dl>
    ${warning !== null && html`<p class="warn">${warning}</p>`}
    ${message !== null && html`<p class="warn">${message}</p>`}
    <${Routes} proxy=${proxy} />
    ${heldOrgs.length > 0 && html`<p class="warn">Clients wait here: ${orgsText(heldOrgs)}</p>`}
    ${drifts > 0 && html`<p class="warn">In ${drifts} places it is not as the journals say.</p>`}
    ${drifts > 0 && html`<${Details} values=${{ drift }} summary="What is there, and what should be" />`}
    <${Details} values=${evidence} summary="What the last change rests on" />
    <footer>
      ${
        standing === 'member'
          ? html`<${OrderButton} role="fleetChange" tone="heavy" label="Take out" about="Takes out a proxy that is proven dead." give=${() => order(fleetOrder('remove', name))} />`
          : html`<${OrderButton} role="fleetChange" tone="plain" label="Add" about="Gives it every route and counts it." give=${() => order(fleetOrder('add', name))} />`
      }
    </footer>
  </section>`;
}

const routeTexts = {
  cluster: 'to Aurora',
  held: 'writes held',
  parked: 'reads and writes held',
  source: 'to BigDB, by a rule of the controller’s',
};

function Routes({ proxy: { routes } }: { proxy: ProxyStatus }): View {
  if (routes === null) return html`<p class="soft">Its routes cannot be read.</p>`;
  const kinds = (['held', 'parked', 'cluster', 'source'] as const).filter((kind) => routes[kind].length > 0);
  if (kinds.length === 0)
    return html`<p class="soft">No route of the controller’s: every org goes where it always did.</p>`;
  return html`<table class="routes">
    <caption class="hidden">Routes</caption>
    <tbody>${kinds.map(
      (kind) =>
        html`<tr key=${kind} class=${kind}><th scope="row">${routeTexts[kind]}</th><td class="number">${routes[kind].length}</td><td>${orgsText(routes[kind])}</td></tr>`,
    )}</tbody>
  </table>`;
}

/** Orgs by number, the first of many. */
function orgsText(orgs: readonly number[]): string {
  const first = [...orgs].sort((a, b) => a - b).slice(0, 30);
  return first.join(', ') + (orgs.length > first.length ? ` and ${orgs.length - first.length} more` : '');
}
