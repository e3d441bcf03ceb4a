import type { MigrationStatus } from '../../service/status.ts';
import { html, type View } from '../html.ts';
import { count, percent, valueText } from '../model/format.ts';

/** Progress table by table. */
export function Tables({ status }: { status: MigrationStatus }): View {
  const { tables } = status.progress;
  if (tables.length === 0) return null;
  return html`<section class="card">
    <h2>Tables</h2>
    <div class="scroll"><table>
      <thead><tr><th scope="col">Table</th><th scope="col">DMS says</th><th scope="col" class="number">Loaded</th><th scope="col" class="number">of</th><th scope="col" class="number"></th></tr></thead>
      <tbody>${tables.map(({ table, state, rowsLoaded, rowsExpected }) => {
        const isBad = /error|cancel|suspend/i.test(state);
        return html`<tr key=${table}>
          <th scope="row">${table}</th>
          <td class=${isBad ? 'warn' : ''}>${isBad && html`<b aria-hidden="true">! </b>`}${state}</td>
          <td class="number">${count(rowsLoaded)}</td><td class="number">${count(rowsExpected)}</td>
          <td class="number">${rowsExpected !== null && rowsExpected > 0 && percent(Math.min(100, (rowsLoaded / rowsExpected) * 100))}</td>
        </tr>`;
      })}</tbody>
    </table></div>
  </section>`;
}

/** The rules of this move. */
export function Policy({ status }: { status: MigrationStatus }): View {
  const entries = Object.entries(status.policy);
  if (entries.length === 0) return null;
  return html`<section class="card"><details class="values">
    <summary><h2>Policy</h2></summary>
    <dl>${entries.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${valueText(name, value)}</dd></div>`)}</dl>
  </details></section>`;
}
