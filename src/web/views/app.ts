import { useEffect, useState } from 'preact/hooks';
import type { Me } from '../../http/me.ts';
import { ask, type Problem, Refusal } from '../api.ts';
import { html, type View } from '../html.ts';
import { hashOf, historyOf, type Route, routeOf, streamOf } from '../model/route.ts';
import { Page } from '../parts/context.ts';
import { type Order, OrderDialog } from '../parts/dialog.ts';
import { useFeed } from '../parts/useFeed.ts';
import { session } from '../session.ts';
import { Announcer } from './announcer.ts';
import { FleetView } from './fleet.ts';
import { Header } from './header.ts';
import { KeysHelp, useKeys } from './keys.ts';
import { OrgView } from './org.ts';
import { OrgsView } from './orgs.ts';
import { SignIn } from './signIn.ts';
import { WaveView } from './wave.ts';
import { WavesView } from './waves.ts';

interface Visitor {
  readonly token: string;
  readonly me: Me;
}

/** The whole page: somebody's, or the question whose. */
export function App(): View {
  const [visitor, setVisitor] = useState<Visitor | null>(null);
  const [said, setSaid] = useState<Problem | null>(null);
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    const token = session.read();
    if (token === null) return setAsked(true);
    ask<Me>(token, 'GET', '/v1/me')
      .then((me) => setVisitor({ token, me }))
      .catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        // A controller that is away says nothing about the token.
        if (error.problem.status === 401) session.forget();
        setSaid(error.problem);
      })
      .finally(() => setAsked(true));
  }, []);
  const leave = (problem: Problem | null) => {
    session.forget();
    setSaid(problem);
    setVisitor(null);
  };
  if (!asked) return null;
  if (visitor === null) {
    return html`<${SignIn} said=${said} enter=${(token: string, me: Me) => {
      session.keep(token);
      setSaid(null);
      setVisitor({ token, me });
    }} />`;
  }
  return html`<${Inside} visitor=${visitor} leave=${leave} />`;
}

function Inside({ visitor, leave }: { visitor: Visitor; leave: (problem: Problem | null) => void }): View {
  const { token, me } = visitor;
  const route = useRoute();
  const { feed, standing, retryNow, took, tookWave } = useFeed(streamOf(route), historyOf(route), token);
  const [order, setOrder] = useState<Order | null>(null);
  const [help, setHelp] = useState(false);
  useKeys(() => setHelp(true));
  const refused = standing.kind === 'refused' ? standing.problem : null;
  useEffect(() => {
    if (refused?.status === 401) leave(refused);
  }, [refused]);
  const idle =
    standing.kind === 'lost' ? 'the connection is lost' : feed.trouble !== null ? 'the controller has a trouble' : null;
  const page = { token, me, idle, nowMs: () => Date.now() + feed.aheadMs, order: setOrder, took, tookWave };
  const isOld = standing.kind === 'lost' || feed.trouble !== null;
  return html`<${Page.Provider} value=${page}>
    <a class="skip" href="#content" onClick=${skip}>To the content</a>
    <${Header} route=${route} feed=${feed} standing=${standing} retryNow=${retryNow} leave=${() => leave(null)} help=${() => setHelp(true)} />
    <main id="content" tabIndex=${-1} class=${isOld ? 'old' : ''}>
      ${refused !== null && refused.status !== 401 && html`<${Gone} problem=${refused} />`}
      ${refused === null && route.view === 'orgs' && html`<${OrgsView} rows=${feed.rows} freeze=${feed.freeze} />`}
      ${refused === null && route.view === 'org' && html`<${OrgView} key=${route.id} feed=${feed} />`}
      ${refused === null && route.view === 'waves' && html`<${WavesView} waves=${feed.waves} />`}
      ${refused === null && route.view === 'wave' && html`<${WaveView} key=${route.id} wave=${feed.wave} orgs=${feed.waveOrgs} />`}
      ${refused === null && route.view === 'fleet' && html`<${FleetView} fleet=${feed.fleet} />`}
    </main>
    <${Announcer} feed=${feed} />
    ${order !== null && html`<${OrderDialog} order=${order} close=${() => setOrder(null)} />`}
    ${help && html`<${KeysHelp} close=${() => setHelp(false)} />`}
  </${Page.Provider}>`;
}

function Gone({ problem }: { problem: Problem }): View {
  return html`<div class="empty"><p>${problem.detail}</p><p><code>${problem.code}</code></p><p><a href=${hashOf({ view: 'orgs' })}>All orgs</a></p></div>`;
}

/** Focus rather than address: what is behind `#` says what is shown. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const moved = () => {
      setRoute(routeOf(location.hash));
      scrollTo(0, 0);
    };
    addEventListener('hashchange', moved);
    return () => removeEventListener('hashchange', moved);
  }, []);
  return route;
}
