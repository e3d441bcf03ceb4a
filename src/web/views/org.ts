import type { MigrationStatus, PurgeStatus } from '../../service/status.ts';
import { html, type View } from '../html.ts';
import { commandsOf } from '../model/commands.ts';
import type { Feed } from '../model/feed.ts';
import { duration, percent } from '../model/format.ts';
import { hashOf } from '../model/route.ts';
import { pathOf, phaseOf } from '../model/states.ts';
import { CommandButton } from '../parts/commandButton.ts';
import { Ago, Details, Note, Serving, StateBadge } from '../parts/small.ts';
import { Attempts } from './attempts.ts';
import { Findings, LeftBehind } from './findings.ts';
import { LagCard } from './lagCard.ts';
import { Policy, Tables } from './tables.ts';
import { PhaseAxis, Timeline } from './timeline.ts';
import { VerificationCard } from './verification.ts';
import { WayBack } from './wayBack.ts';

/** One org: where it stands and what it needs, then why one may believe that. */
export function OrgView({ feed }: { feed: Feed }): View {
  const { status, timeline, lag } = feed;
  if (status === null) return html`<p class="empty">Asking the controller…</p>`;
  return html`<article class="org">
    <a class="to-all" href=${hashOf({ view: 'orgs' })}>← All orgs</a>
    <${Head} status=${status} />
    <${Path} status=${status} visited=${timeline.map(({ state }) => phaseOf(state))} />
    <${Notes} status=${status} />
    <${Commands} status=${status} />
    <${WayBack} status=${status} />
    <${Findings} findings=${status.findings} />
    <${LeftBehind} files=${status.leftBehind} />
    <div class="columns">
      <div>
        <${LagCard} status=${status} points=${lag} />
        <${Attempts} status=${status} />
        <${VerificationCard} status=${status} />
      </div>
      <div>
        <${PhaseAxis} events=${timeline} ended=${status.outcome !== null} />
        <${Timeline} events=${timeline} />
        <${Tables} status=${status} />
        <${Policy} status=${status} />
      </div>
    </div>
  </article>`;
}

function Head({ status }: { status: MigrationStatus }): View {
  const { orgId, state, since, homeRegion, serving, progress, owner, id, epoch } = status;
  const isLoading = status.outcome === null && progress.percent < 100 && phaseOf(state) === 'replicating';
  return html`<header class="head">
    <h1>Org ${orgId}</h1>
    <${StateBadge} state=${state} />
    <span class="soft">since <${Ago} at=${since} /></span>
    <dl class="facts">
      <div><dt>Served by</dt><dd><${Serving} by=${serving} /></dd></div>
      <div><dt>Home region</dt><dd>${homeRegion ?? 'not known'}</dd></div>
      ${
        isLoading &&
        html`<div><dt>Loaded</dt><dd><progress max="100" value=${progress.percent} aria-label="Loaded"></progress> ${percent(progress.percent)}${progress.etaMs !== null && `, ${duration(progress.etaMs)} to go`}</dd></div>`
      }
      <div><dt>Controller</dt><dd>${owner ?? 'nobody owns it now'} <span class="soft">epoch ${epoch}</span></dd></div>
      <div><dt>Migration</dt><dd><code>${id}</code></dd></div>
    </dl>
  </header>`;
}

function Path({ status, visited }: { status: MigrationStatus; visited: readonly string[] }): View {
  return html`<ol class="path" aria-label="Path">${pathOf(status.state, visited).map(
    ({ name, is }) =>
      html`<li key=${name} class=${is} aria-current=${is === 'here' ? 'step' : undefined}><span>${name}</span></li>`,
  )}</ol>`;
}

/** What it waits for, and everything that somebody has to know before anything else. */
function Notes({ status }: { status: MigrationStatus }): View {
  const { waitsFor, reason, notice, serving, pauseRequested, outcome, state, purge } = status;
  const isStopped = phaseOf(state) === 'needsOperator';
  return html`<div class="notes">
    ${
      serving === 'unknown' &&
      html`<${Note} tone="bad" title="The journal of this migration cannot be read by this controller: which side serves is not known here."><p>Nothing is guessed, and nothing may be ordered from here.</p></${Note}>`
    }
    ${serving === 'held' && html`<${Note} tone="hot" title="The org’s clients wait at the proxies now." />`}
    ${
      reason !== null &&
      html`<${Note} tone=${isStopped || serving === 'unknown' ? 'bad' : 'ask'} title=${reason.message} code=${reason.code}>
        <p>${reason.remedy}</p>
        <${Details} values=${reason.details} summary="Details" />
      </${Note}>`
    }
    ${waitsFor !== null && outcome === null && html`<${Note} tone=${isStopped ? 'ask' : 'info'} title=${`Waits for ${waitsFor}`} />`}
    ${purge !== null && html`<${Note} tone=${purge.state === 'stopped' ? 'bad' : 'info'} title=${purgeText(purge)} />`}
    ${notice !== null && html`<${Note} tone="ask" title=${notice} />`}
    ${pauseRequested && html`<${Note} tone="info" title="A pause is asked for; it takes effect at the next safe place." />`}
  </div>`;
}

function purgeText({ state, rowsDeleted, rowsExpected, etaMs, waitsFor, reason }: PurgeStatus): string {
  const left = state === 'running' && etaMs !== null ? `, ${duration(etaMs)} to go` : '';
  const why = reason?.message ?? (waitsFor === null ? null : `waits for ${waitsFor}`);
  return `Purge of the old rows ${state}: ${rowsDeleted} of ${rowsExpected ?? '?'} rows deleted${left}${why === null ? '' : `. ${why}`}`;
}

function Commands({ status }: { status: MigrationStatus }): View {
  const commands = commandsOf(status);
  if (commands.length === 0) return null;
  const leading = new Set(['start', 'approve', 'complete', 'retry', 'resume']);
  const first = commands.find(({ name }) => leading.has(name));
  return html`<section class="commands" aria-label="Commands">
    ${commands.map((each) => html`<${CommandButton} key=${each.name} status=${status} command=${each} primary=${each === first && each.weight !== 'final'} />`)}
  </section>`;
}
