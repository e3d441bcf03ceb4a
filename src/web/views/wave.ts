import { useState } from 'preact/hooks';
import type { WaveOrgStatus, WaveStatus } from '../../service/waveStatus.ts';
import { html, type View } from '../html.ts';
import { clock, count, duration, percent, stateText } from '../model/format.ts';
import { hashOf } from '../model/route.ts';
import { orgsWanted, standingsOf, standingTone, waveCommands, waveTone } from '../model/waves.ts';
import { OrderButton } from '../parts/commandButton.ts';
import { usePage } from '../parts/context.ts';
import { waveOrder } from '../parts/orders.ts';
import { Ago, Details, Note, Progress, ToneBadge } from '../parts/small.ts';

/** Orgs drawn at first. */
const pageOrgs = 100;

/** One wave: how far it is and what it needs, then its orgs in their order. */
export function WaveView({ wave, orgs }: { wave: WaveStatus | null; orgs: readonly WaveOrgStatus[] }): View {
  if (wave === null) return html`<p class="empty">Asking the controller…</p>`;
  return html`<article class="org wave">
    <a class="to-all" href=${hashOf({ view: 'waves' })}>← All waves</a>
    <${Head} wave=${wave} />
    <${Notes} wave=${wave} />
    <${Commands} wave=${wave} />
    <${Orgs} wave=${wave} orgs=${orgs} />
    <div class="columns">
      <section class="card"><h2>History</h2><ol class="history">${wave.history.map(
        ({ at, message }) =>
          html`<li key=${`${at} ${message}`}><span class="soft"><${Ago} at=${at} /></span> ${message}</li>`,
      )}</ol></section>
      <section class="card"><h2>Settings</h2><${Details} values=${wave.settings} summary="Limits, windows and stop rules of this wave" /></section>
    </div>
  </article>`;
}

function Head({ wave }: { wave: WaveStatus }): View {
  const { nowMs } = usePage();
  const { progress, approval, startedBy, createdBy } = wave;
  const when = (at: string | null) => (at === null ? 'not known' : clock(at, nowMs()));
  return html`<header class="head">
    <h1>${wave.name}</h1>
    <${ToneBadge} tone=${waveTone(wave.state)} text=${stateText(wave.state)} />
    <span class="soft">since <${Ago} at=${wave.since} /></span>
    <dl class="facts">
      <div><dt>On Aurora</dt><dd><${Progress} percent=${progress.percent} label="Orgs on Aurora" /> ${progress.moved} of ${wave.orgs}, ${percent(progress.percent)}</dd></div>
      <div><dt>All moved by</dt><dd>${when(progress.movedAt)}</dd></div>
      <div><dt>Ends</dt><dd>${when(progress.endsAt)}</dd></div>
      <div><dt>Approved by</dt><dd>${approval.by ?? (approval.needed ? 'nobody yet' : 'nobody has to')}</dd></div>
      <div><dt>Made by</dt><dd>${createdBy}${startedBy !== null && html`, started by ${startedBy}`}</dd></div>
      <div><dt>Wave</dt><dd><code>${wave.id}</code></dd></div>
    </dl>
  </header>`;
}

/** Why it stopped, what it waits for, and what its stop rules count. */
function Notes({ wave }: { wave: WaveStatus }): View {
  const { reason, waits, troubles, state } = wave;
  const { nowMs } = usePage();
  const { wentBack, stuck, aborts, longestPauseMs } = troubles;
  const counted = [
    wentBack.length > 0 && `went back: ${named(wentBack)}`,
    stuck.length > 0 && `stuck: ${named(stuck)}`,
    aborts > 0 && `${aborts} attempts that came to nothing`,
    longestPauseMs !== null && `longest pause ${duration(longestPauseMs)}`,
  ].filter((text) => text !== false);
  return html`<div class="notes">
    ${
      reason !== null &&
      html`<${Note} tone=${state === 'paused' ? 'bad' : 'ask'} title=${reason.message} code=${reason.code}>
        <p>${reason.remedy}</p>
        <${Details} values=${reason.details} summary="Details" />
      </${Note}>`
    }
    ${waits.map(
      ({ code, message, until }) =>
        html`<${Note} key=${code} tone=${code === 'approval' || code === 'persons' ? 'ask' : 'info'} title=${message}>${until !== null && html`<p>Until ${clock(until, nowMs())}.</p>`}</${Note}>`,
    )}
    ${counted.length > 0 && html`<${Note} tone=${wentBack.length + stuck.length > 0 ? 'ask' : 'info'} title=${`Since it was started or resumed: ${counted.join('; ')}`} />`}
  </div>`;
}

function named(orgs: readonly number[]): string {
  const first = orgs.slice(0, 20).join(', ');
  return orgs.length > 20 ? `${first} and ${orgs.length - 20} more` : first;
}

function Commands({ wave }: { wave: WaveStatus }): View {
  const { order, tookWave } = usePage();
  const commands = waveCommands(wave);
  if (commands.length === 0) return null;
  return html`<section class="commands" aria-label="Commands">
    ${commands.map(
      (command, index) =>
        html`<${OrderButton} key=${command.name} role=${command.role} tone=${index === 0 && !command.needsReason ? 'primary' : command.weight === 'light' ? 'plain' : command.weight} about=${command.about} label=${command.label} give=${() => order(waveOrder(wave, command, tookWave))} />`,
    )}
  </section>`;
}

function Orgs({ wave, orgs }: { wave: WaveStatus; orgs: readonly WaveOrgStatus[] }): View {
  const [standing, setStanding] = useState<string | null>(null);
  const [search, setSearch] = useState('');
  const [shown, setShown] = useState(pageOrgs);
  const wanted = orgsWanted(orgs, standing, search);
  return html`<section class="card">
    <div class="bar">
      <h2>Orgs</h2>
      <div class="chips" role="group" aria-label="Where they are">
        <button type="button" class="chip" aria-pressed=${standing === null} onClick=${() => setStanding(null)}>All <b>${wave.orgs}</b></button>
        ${standingsOf(wave).map(
          ([each, count]) =>
            html`<button key=${each} type="button" class="chip" aria-pressed=${standing === each} onClick=${() => setStanding(standing === each ? null : each)}>${stateText(each)} <b>${count}</b></button>`,
        )}
      </div>
      <label class="search"><span class="hidden">Search</span><input type="search" name="search" placeholder="Org, region, reason…  /" value=${search} onInput=${(e: InputEvent) => setSearch((e.target as HTMLInputElement).value)} /></label>
    </div>
    ${
      wanted.length === 0
        ? html`<p class="empty">No org is like that.</p>`
        : html`<table class="orgs">
          <thead><tr>
            <th scope="col" class="number">#</th><th scope="col">Org</th><th scope="col">Where it is</th><th scope="col">Since</th>
            <th scope="col">Region</th><th scope="col" class="number">Rows, about</th><th scope="col" class="number">Longest pause</th><th scope="col">Why</th>
          </tr></thead>
          <tbody>${wanted.slice(0, shown).map((org) => html`<${OrgRow} key=${org.orgId} org=${org} />`)}</tbody>
        </table>`
    }
    ${
      wanted.length > shown &&
      html`<p class="empty"><button type="button" class="plain" onClick=${() => setShown(shown + 5 * pageOrgs)}>${wanted.length - shown} more</button></p>`
    }
  </section>`;
}

function OrgRow({ org }: { org: WaveOrgStatus }): View {
  const { orgId, migrationId, standing, state, since, refusal, reason } = org;
  const detail = state === null || stateText(state) === stateText(standing) ? null : stateText(state);
  return html`<tr>
    <td data-name="Place" class="number soft">${org.position}</td>
    <th scope="row">${migrationId === null ? orgId : html`<a href=${hashOf({ view: 'org', id: migrationId })}>${orgId}</a>`}${org.canary && html` <small>canary</small>`}</th>
    <td data-name="Where it is"><${ToneBadge} tone=${standingTone(standing)} text=${stateText(standing)} />${detail !== null && html` <small class="soft">${detail}</small>`}</td>
    <td data-name="Since" class="soft">${since === null ? '–' : html`<${Ago} at=${since} />`}</td>
    <td data-name="Region" class="soft region">${org.homeRegion}</td>
    <td data-name="Rows, about" class="number">${count(org.rows)}</td>
    <td data-name="Longest pause" class="number">${duration(org.longestPauseMs)}</td>
    <td data-name="Why" class="waits">
      ${refusal !== null && html`<span class="reason"><code>${refusal.code}</code> ${refusal.message}</span>`}
      ${refusal === null && reason !== null && html`<code>${reason}</code>`}
      ${org.letGo && html`<span>flips as soon as it is in step</span>`}
      ${org.aborts > 0 && html`<span>${org.aborts} attempts came to nothing</span>`}
    </td>
  </tr>`;
}
