import { html, type View } from '../html.ts';
import type { Standing } from '../live/connection.ts';
import type { Feed } from '../model/feed.ts';
import { clock, duration } from '../model/format.ts';
import { hashOf, type Route } from '../model/route.ts';
import { OrderButton } from '../parts/commandButton.ts';
import { useNow, usePage } from '../parts/context.ts';
import { unfreezeOrder } from '../parts/orders.ts';

interface HeaderProps {
  readonly route: Route;
  readonly feed: Feed;
  readonly standing: Standing;
  readonly retryNow: () => void;
  readonly leave: () => void;
  readonly help: () => void;
}

/** Where one is, whether what is shown is current, who one is; below it what concerns everybody. */
export function Header({ route, feed, standing, retryNow, leave, help }: HeaderProps): View {
  const { me, order } = usePage();
  const { freeze, trouble } = feed;
  const here = (view: Route['view']) => (route.view === view ? 'page' : undefined);
  return html`<header class="top">
      <a class="brand" href=${hashOf({ view: 'orgs' })}><img src="/web/icon.svg" alt="" width="24" height="24" /><b>BigDB cutover</b></a>
      <nav aria-label="Views">
        <a href=${hashOf({ view: 'orgs' })} aria-current=${here('orgs') ?? (route.view === 'org' ? 'true' : undefined)}>Orgs</a>
        <a href=${hashOf({ view: 'waves' })} aria-current=${here('waves') ?? (route.view === 'wave' ? 'true' : undefined)}>Waves</a>
        <a href=${hashOf({ view: 'fleet' })} aria-current=${here('fleet')}>Fleet</a>
      </nav>
      <${Light} standing=${standing} isTroubled=${trouble !== null} />
      <span class="who"><b>${me.name}</b> <span class="soft">${me.role}</span></span>
      <button type="button" class="plain" onClick=${help} title="Keys: ?">Keys</button>
      <button type="button" class="plain" onClick=${leave}>Leave</button>
    </header>
    ${standing.kind === 'lost' && html`<${Lost} standing=${standing} retryNow=${retryNow} />`}
    ${
      standing.kind !== 'lost' &&
      trouble !== null &&
      html`<div class="banner bad" role="alert"><p><b>What you see is old.</b> ${trouble.detail}. ${trouble.remedy} <code>${trouble.code}</code></p></div>`
    }
    ${
      freeze?.frozen === true &&
      html`<div class="banner frozen"><p><b>Frozen</b> by ${freeze.by}${freeze.since !== null && html` at ${clock(freeze.since, Date.now())}`}: ${freeze.reason}. Nothing starts or flips; guards and ways back go on.</p>
        <${OrderButton} role="unfreeze" tone="plain" label="Unfreeze" about="Starts and flips go on." give=${() => order(unfreezeOrder)} /></div>`
    }`;
}

function Light({ standing, isTroubled }: { standing: Standing; isTroubled: boolean }): View {
  const { tone, text } = isTroubled
    ? { tone: 'lost', text: 'Trouble' }
    : {
        connecting: { tone: 'wait', text: 'Connecting' },
        live: { tone: 'live', text: 'Live' },
        lost: { tone: 'lost', text: 'Not connected' },
        refused: { tone: 'lost', text: 'Refused' },
      }[standing.kind];
  return html`<span class=${`lamp ${tone}`} role="status"><span class="dot" aria-hidden="true"></span>${text}</span>`;
}

function Lost({ standing, retryNow }: { standing: Extract<Standing, { kind: 'lost' }>; retryNow: () => void }): View {
  useNow();
  const leftMs = standing.retryAtMs - Date.now();
  return html`<div class="banner bad">
    <p role="alert"><b>Connection lost:</b> ${standing.why}. What you see is from ${clock(new Date(standing.sinceMs).toISOString(), Date.now())}.</p>
    <p>${leftMs > 500 ? `Trying again in ${duration(Math.ceil(leftMs / 1_000) * 1_000)}.` : 'Trying…'}</p>
    <button type="button" class="plain" onClick=${retryNow}>Try now</button>
  </div>`;
}
