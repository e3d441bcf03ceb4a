import type { Comparing, MigrationStatus, Verification } from '../../service/status.ts';
import { html, type View } from '../html.ts';
import { count, duration, percent, valueText } from '../model/format.ts';
import { Ago } from '../parts/small.ts';

const kinds = { 'cutover-point': 'as they were at the flip', live: 'live, with rows on their way' } as const;
const outcomes = {
  equal: { tone: 'done', mark: '✓', text: 'equal' },
  different: { tone: 'bad', mark: '!', text: 'different' },
  missing: { tone: 'ask', mark: '?', text: 'not compared' },
} as const;

/** Whether both sides are the same: what was found last, and the comparison that runs. */
export function VerificationCard({ status }: { status: MigrationStatus }): View {
  const { verification, comparing } = status;
  return html`<section class="card" aria-labelledby="verification">
    <h2 id="verification">Verification</h2>
    ${verification === null && comparing === null && html`<p class="soft">The sides have not been compared yet.</p>`}
    ${comparing !== null && html`<${Running} comparing=${comparing} />`}
    ${verification !== null && html`<${Result} verification=${verification} />`}
  </section>`;
}

function Running({ comparing }: { comparing: Comparing }): View {
  const { kind, startedAt, table, rows, rowsExpected, mismatches, etaMs } = comparing;
  const share = rowsExpected === null || rowsExpected === 0 ? null : Math.min(100, (rows / rowsExpected) * 100);
  return html`<div class="running">
    <p><b>Comparing</b> both sides ${kinds[kind]}, since <${Ago} at=${startedAt} />.</p>
    ${share !== null && html`<progress max="100" value=${share} aria-label="Compared"></progress>`}
    <p>${count(rows)}${rowsExpected !== null && ` of ${count(rowsExpected)}`} rows${share !== null && `, ${percent(share)}`}${etaMs !== null && `, ${duration(etaMs)} to go`}${table !== null && html`, now <code>${table}</code>`}</p>
    ${mismatches > 0 && html`<p class="warn">${count(mismatches)} differ at the first look; rows on their way are looked at again.</p>`}
  </div>`;
}

function Result({ verification }: { verification: Verification }): View {
  const { outcome, kind, rows, mismatches, exact, at, stale, sample } = verification;
  const { tone, mark, text } = outcomes[outcome];
  return html`<div>
    <p class="result"><span class=${`badge ${tone}`}><span class="mark" aria-hidden="true">${mark}</span>${text}</span>
      ${stale && html`<span class="badge ask"><span class="mark" aria-hidden="true">?</span>stale</span>`}
      <span class="soft">${kinds[kind]}, <${Ago} at=${at} /></span></p>
    <dl class="figures">
      <div><dt>Rows</dt><dd>${count(rows)}</dd></div>
      <div><dt>Differ</dt><dd>${exact === false ? 'at least ' : ''}${count(mismatches)}</dd></div>
    </dl>
    ${stale && html`<p class="warn">It is too old to approve or complete on: compare again.</p>`}
    ${outcome === 'missing' && html`<p>The proof of the flip was lost, as its controller was; a comparison of the live sides takes its place.</p>`}
    ${sample.length > 0 && html`<${Sample} sample=${sample} />`}
  </div>`;
}

function Sample({ sample }: { sample: Verification['sample'] }): View {
  const columns = [...new Set(sample.flatMap((row) => Object.keys(row)))];
  return html`<details class="values"><summary>Rows that differ, the first ${sample.length}</summary>
    <div class="scroll"><table>
      <thead><tr>${columns.map((name) => html`<th key=${name} scope="col">${name}</th>`)}</tr></thead>
      <tbody>${sample.map((row, index) => html`<tr key=${index}>${columns.map((name) => html`<td key=${name}>${valueText(name, row[name])}</td>`)}</tr>`)}</tbody>
    </table></div>
  </details>`;
}
