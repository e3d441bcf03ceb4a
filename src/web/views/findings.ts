import type { LeftBehind as LeftBehindFile, MigrationStatus } from '../../service/status.ts';
import { html, type View } from '../html.ts';
import { clock, count } from '../model/format.ts';
import { useNow } from '../parts/context.ts';
import { Details } from '../parts/small.ts';

/** What preflight found. What refuses the move is in sight, warnings alone are one click away. */
export function Findings({ findings }: { findings: MigrationStatus['findings'] }): View {
  if (findings.length === 0) return null;
  const refusing = findings.filter(({ severity }) => severity === 'refuse');
  const warning = findings.filter(({ severity }) => severity !== 'refuse');
  return html`<section class="card">
    <details open=${refusing.length > 0}>
      <summary><h2>Findings of preflight</h2> ${refusing.length === 0 ? `${warning.length}, none refuses the move` : `${refusing.length} of ${findings.length} refuse the move`}</summary>
      <ul class="findings">${[...refusing, ...warning].map(
        ({ code, severity, message, remedy, evidence }, index) => html`<li key=${index}>
        <span class=${`badge ${severity === 'refuse' ? 'bad' : 'ask'}`}><span class="mark" aria-hidden="true">${severity === 'refuse' ? '!' : '?'}</span>${severity === 'refuse' ? 'refuses' : 'warns'}</span>
        <div><p class="title">${message} <code>${code}</code></p><p>${remedy}</p><${Details} values=${evidence} summary="Evidence" /></div>
      </li>`,
      )}</ul>
    </details>
  </section>`;
}

/** Files of rows that were let go of. */
export function LeftBehind({ files }: { files: readonly LeftBehindFile[] }): View {
  const nowMs = useNow(60_000);
  if (files.length === 0) return null;
  return html`<section class="card">
    <h2>Rows that stay behind</h2>
    <p class="soft">An approver accepted their loss. They are in these files.</p>
    <div class="scroll"><table>
      <thead><tr><th scope="col">File</th><th scope="col" class="number">Rows</th><th scope="col">Inserted, changed, deleted at Aurora</th><th scope="col">Taken</th></tr></thead>
      <tbody>${files.map(
        ({ part, path, host, rows, kinds, at }) => html`<tr key=${path}>
          <td><code>${path}</code> <span class="soft">on ${host}</span></td>
          <td class="number">${count(rows)}</td>
          <td>${count(kinds.clusterOnly)}, ${count(kinds.different)}, ${count(kinds.siteOnly)}</td>
          <td>${clock(at, nowMs)} <span class="soft">${part === 'exact' ? 'exactly what stays behind' : 'before the flip, while both sides moved'}</span></td>
        </tr>`,
      )}</tbody>
    </table></div>
  </section>`;
}
