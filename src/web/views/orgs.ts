import { useEffect, useRef, useState } from 'preact/hooks';
import type { OverviewRow } from '../../http/live/overview.ts';
import type { FreezeStatus } from '../../service/operations.ts';
import { html, type View } from '../html.ts';
import { duration, percent } from '../model/format.ts';
import { type Group, groupOf, groups, groupTexts, inOrder, matches } from '../model/overview.ts';
import { hashOf } from '../model/route.ts';
import { OrderButton } from '../parts/commandButton.ts';
import { usePage } from '../parts/context.ts';
import { freezeOrder, startOrder } from '../parts/orders.ts';
import { Ago, Progress, Serving, StateBadge } from '../parts/small.ts';

/** Rows drawn at first; thousands of them would be read by nobody. */
const pageRows = 100;

/** All orgs, those that wait for somebody first. */
export function OrgsView({ rows, freeze }: { rows: readonly OverviewRow[] | null; freeze: FreezeStatus | null }): View {
  const { order } = usePage();
  const [search, setSearch] = useState('');
  const [group, setGroup] = useState<Group | null>(null);
  const [shown, setShown] = useState(pageRows);
  const table = useRef<HTMLTableElement>(null);
  useRowKeys(table);
  if (rows === null) return html`<p class="empty">Asking the controller…</p>`;
  const found = inOrder(rows).filter((row) => matches(row, search));
  const counts = new Map(groups.map((each) => [each, found.filter((row) => groupOf(row) === each).length]));
  const wanted = found.filter((row) => group === null || groupOf(row) === group);
  return html`
    <div class="bar">
      <h1>Orgs</h1>
      <div class="chips" role="group" aria-label="Groups">
        <button type="button" class="chip" aria-pressed=${group === null} onClick=${() => setGroup(null)}>All <b>${found.length}</b></button>
        ${groups.map(
          (each) =>
            html`<button key=${each} type="button" class=${`chip ${each}`} aria-pressed=${group === each} onClick=${() => setGroup(group === each ? null : each)}>${groupTexts[each]} <b>${counts.get(each)}</b></button>`,
        )}
      </div>
      <label class="search"><span class="hidden">Search</span><input type="search" name="search" placeholder="Org, state, region…  /" value=${search} onInput=${(e: InputEvent) => setSearch((e.target as HTMLInputElement).value)} /></label>
      <div class="actions">
        ${
          freeze !== null &&
          !freeze.frozen &&
          html`<${OrderButton} role="freeze" tone="plain" label="Freeze" about="No new start and no flip anywhere; guards and ways back go on." give=${() => order(freezeOrder)} />`
        }
        <${OrderButton} role="start" tone="primary" label="Move an org" about="Plans the move of an org and starts it." give=${() => order(startOrder)} />
      </div>
    </div>
    ${
      wanted.length === 0
        ? html`<p class="empty">${rows.length === 0 ? 'No org has been moved yet.' : 'No org is like that.'}</p>`
        : html`<table class="orgs" ref=${table}>
          <thead><tr>
            <th scope="col">Org</th><th scope="col">State</th><th scope="col">Since</th><th scope="col">Region</th>
            <th scope="col">Served by</th><th scope="col">Loaded</th><th scope="col" class="number">Lag to Aurora</th>
            <th scope="col" class="number">Lag back</th><th scope="col" class="number">Pause</th><th scope="col">Waits for</th>
          </tr></thead>
          <tbody>${wanted.slice(0, shown).map((row) => html`<${OrgRow} key=${row.id} row=${row} />`)}</tbody>
        </table>`
    }
    ${
      wanted.length > shown &&
      html`<p class="empty"><button type="button" class="plain" onClick=${() => setShown(shown + 5 * pageRows)}>${wanted.length - shown} more</button></p>`
    }
  `;
}

function OrgRow({ row }: { row: OverviewRow }): View {
  const { percent: loaded, etaMs } = row;
  const href = hashOf({ view: 'org', id: row.id });
  return html`<tr class=${groupOf(row)} onClick=${() => location.assign(href)}>
    <th scope="row"><a href=${href}>${row.orgId}</a></th>
    <td data-name="State"><${StateBadge} state=${row.state} /></td>
    <td data-name="Since" class="soft"><${Ago} at=${row.since} /></td>
    <td data-name="Region" class="soft region">${row.homeRegion ?? '–'}</td>
    <td data-name="Served by"><${Serving} by=${row.serving} /></td>
    <td data-name="Loaded" class="loaded">
      ${row.outcome === null && loaded < 100 && html`<${Progress} percent=${loaded} label=${`Org ${row.orgId} loaded`} />`}
      <span>${row.outcome !== null && loaded < 100 ? '–' : percent(loaded)}${etaMs !== null && etaMs > 0 ? `, ${duration(etaMs)} to go` : ''}</span>
    </td>
    <td data-name="Lag to Aurora" class="number">${duration(row.forwardMs)}</td>
    <td data-name="Lag back" class="number">${duration(row.reverseMs)}</td>
    <td data-name="Pause" class="number">${duration(row.writePauseMs)}</td>
    <td data-name="Waits for" class="waits">${waitsText(row)}</td>
  </tr>`;
}

function waitsText({ waitsFor, reason, notice, pauseRequested, verification }: OverviewRow): View {
  const all = [
    ...(waitsFor === null ? [] : [html`<span>${waitsFor}</span>`]),
    ...(reason === null ? [] : [html`<span class="reason"><code>${reason.code}</code> ${reason.message}</span>`]),
    ...(verification === 'different' ? [html`<span class="reason">the sides differ</span>`] : []),
    ...(notice === null ? [] : [html`<span class="reason">${notice}</span>`]),
    ...(pauseRequested ? [html`<span>a pause is asked for</span>`] : []),
  ];
  return all.length === 0 ? null : all;
}

/** j and k, or the arrows, go from row to row; Enter follows the link that has the focus. */
function useRowKeys(table: { current: HTMLTableElement | null }): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const down = event.key === 'j' || event.key === 'ArrowDown';
      const up = event.key === 'k' || event.key === 'ArrowUp';
      const target = event.target as HTMLElement;
      if ((!down && !up) || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA)$/.test(target.tagName))
        return;
      if (document.querySelector('dialog[open]') !== null) return;
      const links = [...(table.current?.querySelectorAll<HTMLAnchorElement>('tbody a') ?? [])];
      const now = links.indexOf(document.activeElement as HTMLAnchorElement);
      const next = links[down ? Math.min(now + 1, links.length - 1) : Math.max(now - 1, 0)];
      if (next === undefined) return;
      event.preventDefault();
      next.focus();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [table]);
}
