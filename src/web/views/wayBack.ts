import type { MigrationStatus } from '../../service/status.ts';
import { html, type View } from '../html.ts';
import { command } from '../model/commands.ts';
import { duration } from '../model/format.ts';
import { CommandButton } from '../parts/commandButton.ts';
import { Ago } from '../parts/small.ts';

/** An org that should go back and cannot: the figures, and what may be chosen. */
export function WayBack({ status }: { status: MigrationStatus }): View {
  const { wayBack } = status;
  if (wayBack === null) return null;
  const { reverseLagMs, lagAgeMs, task, tries, since, choices } = wayBack;
  return html`<section class="card bad" aria-labelledby="way-back">
    <h2 id="way-back">The way back cannot be gone</h2>
    <p>Aurora serves the org. It stopped <${Ago} at=${since} />, after ${tries} ${tries === 1 ? 'attempt' : 'attempts'}. Somebody has to choose.</p>
    <dl class="facts">
      <div><dt>Lag of the way back</dt><dd>${duration(reverseLagMs)}${lagAgeMs !== null && html` <span class="soft">seen ${duration(lagAgeMs)} ago</span>`}</dd></div>
      ${
        task === null
          ? html`<div><dt>Its task</dt><dd>DMS has not answered yet</dd></div>`
          : html`<div><dt>Its task</dt><dd>${task.status} <span class="soft">seen <${Ago} at=${task.observedAt} /></span></dd></div>
            ${task.stopReason !== null && html`<div><dt>It stopped</dt><dd>${task.stopReason}</dd></div>`}
            ${task.lastFailure !== null && html`<div><dt>Last failure</dt><dd>${task.lastFailure}</dd></div>`}
            ${task.erroredTables.length > 0 && html`<div><dt>Tables in error</dt><dd>${task.erroredTables.join(', ')}</dd></div>`}`
      }
    </dl>
    <ul class="choices">${choices.map(({ command: name, acceptLoss, means, role }) => {
      const found = command(acceptLoss ? 'acceptLoss' : name);
      return found === null
        ? null
        : html`<li key=${found.name}><${CommandButton} status=${status} command=${found} label=${choiceLabels[found.name] ?? found.label} /><span>${means} <small class="soft">${role}</small></span></li>`;
    })}</ul>
  </section>`;
}

/** Here the same commands mean something of their own. */
const choiceLabels: Readonly<Record<string, string>> = {
  retry: 'Wait on',
  resume: 'Stay under watch',
  complete: 'Stay for good',
};
