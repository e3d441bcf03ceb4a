import type { WaveStatus } from '../../service/waveStatus.ts';
import { html, type View } from '../html.ts';
import { clock, count, percent, stateText } from '../model/format.ts';
import { hashOf } from '../model/route.ts';
import { standingsOf, standingTone, wavesInOrder, waveTone } from '../model/waves.ts';
import { usePage } from '../parts/context.ts';
import { Ago, Progress, ToneBadge } from '../parts/small.ts';

/** All waves, those that wait for somebody first. */
export function WavesView({ waves }: { waves: readonly WaveStatus[] | null }): View {
  if (waves === null) return html`<p class="empty">Asking the controller…</p>`;
  return html`
    <div class="bar"><h1>Waves</h1><p class="soft">${waves.length === 1 ? '1 wave' : `${waves.length} waves`}</p></div>
    ${
      waves.length === 0
        ? html`<div class="empty"><p>No wave has been planned yet.</p><p>A wave moves many orgs, small ones and canaries first, within limits and windows:</p><pre>bigdb-cutover wave create --name first --home-region eu-west-2 --canaries 3 --at-most 200</pre></div>`
        : html`<table class="orgs waves">
          <thead><tr>
            <th scope="col">Wave</th><th scope="col">State</th><th scope="col">Since</th><th scope="col" class="number">Orgs</th>
            <th scope="col">On Aurora</th><th scope="col">Where they are</th><th scope="col">Moved by</th><th scope="col">Waits for</th>
          </tr></thead>
          <tbody>${wavesInOrder(waves).map((wave) => html`<${WaveRow} key=${wave.id} wave=${wave} />`)}</tbody>
        </table>`
    }
  `;
}

function WaveRow({ wave }: { wave: WaveStatus }): View {
  const { nowMs } = usePage();
  const href = hashOf({ view: 'wave', id: wave.id });
  const { moved, percent: done, movedAt } = wave.progress;
  return html`<tr class=${wave.state === 'paused' ? 'you' : ''} onClick=${() => location.assign(href)}>
    <th scope="row"><a href=${href}>${wave.name}</a></th>
    <td data-name="State"><${ToneBadge} tone=${waveTone(wave.state)} text=${stateText(wave.state)} /></td>
    <td data-name="Since" class="soft"><${Ago} at=${wave.since} /></td>
    <td data-name="Orgs" class="number">${count(wave.orgs)}</td>
    <td data-name="On Aurora" class="loaded"><${Progress} percent=${done} label=${`Orgs of ${wave.name} on Aurora`} /><span>${moved}, ${percent(done)}</span></td>
    <td data-name="Where they are"><${Standings} wave=${wave} /></td>
    <td data-name="Moved by" class="soft">${movedAt === null ? '–' : clock(movedAt, nowMs())}</td>
    <td data-name="Waits for" class="waits">
      ${wave.reason !== null && html`<span class="reason"><code>${wave.reason.code}</code> ${wave.reason.message}</span>`}
      ${wave.waits.map(({ code, message }) => html`<span key=${code}>${message}</span>`)}
    </td>
  </tr>`;
}

/** How many orgs are where. */
function Standings({ wave }: { wave: WaveStatus }): View {
  return html`<span class="standings">${standingsOf(wave).map(
    ([standing, orgs]) =>
      html`<${ToneBadge} key=${standing} tone=${standingTone(standing)} text=${`${orgs} ${stateText(standing).toLowerCase()}`} />`,
  )}</span>`;
}
