import type { PurgeAnswer } from '../../service/purgeAnswer.ts';
import type { MigrationStatus } from '../../service/status.ts';
import { html, type View } from '../html.ts';
import type { Command } from '../model/commands.ts';
import { mayGive, usePage } from './context.ts';
import type { Order } from './dialog.ts';

/** The order that a command is, for one migration. */
export function orderOf(status: MigrationStatus, command: Command, took: (status: MigrationStatus) => void): Order {
  const { label, about, weight, needsReason, path, body } = command;
  return {
    title: `${label}: org ${status.orgId}`,
    about,
    label: `${label}`,
    weight,
    reason: needsReason ? 'needed' : 'optional',
    ...(weight === 'final' && {
      typed: { what: 'To confirm, type the number of the org:', text: String(status.orgId) },
    }),
    steps: [
      ({ reason }) => ({
        path: `/v1/migrations/${encodeURIComponent(status.id)}/${path}`,
        body: { ...body, ...(reason !== undefined && { reason }) },
      }),
    ],
    done: (answer) => took(statusFrom(status, answer as MigrationStatus | PurgeAnswer)),
  };
}

/** Most commands answer with the status; those to a purge with the purge alone. */
function statusFrom(before: MigrationStatus, answer: MigrationStatus | PurgeAnswer): MigrationStatus {
  return 'state' in answer ? answer : { ...before, purge: answer.purge };
}

/** A button for a command. One that the role may not give stays readable and says who may. */
export function CommandButton(props: {
  status: MigrationStatus;
  command: Command;
  primary?: boolean;
  label?: string;
}): View {
  const { order, took } = usePage();
  const { status, command, primary = false, label } = props;
  return html`<${OrderButton}
    role=${command.role}
    tone=${primary ? 'primary' : command.weight === 'light' ? 'plain' : command.weight}
    about=${command.about}
    label=${label ?? command.label}
    give=${() => order(orderOf(status, command, took))}
  />`;
}

/** Any other order, by the role that it needs. */
export function OrderButton(props: {
  role: string;
  tone: string;
  about: string;
  label: string;
  give: () => void;
}): View {
  const { me, idle } = usePage();
  const { role, tone, about, label, give } = props;
  const allowed = mayGive(me, role);
  const needed = me.needs[role] ?? 'another role';
  const why = allowed ? idle : `This needs ${needed}; you are ${me.role}.`;
  // Not `disabled`: who reads with the keyboard or by ear has to find out why.
  return html`<button
    type="button"
    class=${`command ${tone}`}
    aria-disabled=${why !== null}
    title=${why ?? about}
    data-command=${role}
    onClick=${() => why === null && give()}
  >
    ${label}${!allowed && html`<small>${` ${needed} only`}</small>`}
  </button>`;
}
