import type { MigrationStatus } from '../../service/status.ts';
import type { WaveStatus } from '../../service/waveStatus.ts';
import { hashOf } from '../model/route.ts';
import type { WaveCommand } from '../model/waves.ts';
import type { Order, OrderInput } from './dialog.ts';

const withReason = ({ reason }: OrderInput) => (reason === undefined ? {} : { reason });

/** Plans a move and starts it, in one go. */
export const startOrder: Order = {
  title: 'Move an org',
  about: 'Preflight, snapshot and replication begin. Clients notice nothing; it stops at ready, for an approver.',
  label: 'Start the move',
  weight: 'light',
  reason: 'optional',
  asksOrg: true,
  steps: [
    ({ orgId }) => ({ path: '/v1/migrations', body: { orgId } }),
    (input) => ({
      path: `/v1/migrations/${encodeURIComponent((input.last as MigrationStatus).id)}/start`,
      body: withReason(input),
    }),
  ],
  done: (answer) => {
    location.hash = hashOf({ view: 'org', id: (answer as MigrationStatus).id });
  },
};

export const freezeOrder: Order = {
  title: 'Freeze everything',
  about: 'From now on nothing starts and nothing flips, anywhere. Guards stay on, ways back go on.',
  label: 'Freeze',
  weight: 'heavy',
  reason: 'needed',
  steps: [(input) => ({ path: '/v1/freeze', body: withReason(input) })],
};

export const unfreezeOrder: Order = {
  title: 'Unfreeze',
  about: 'Starts and flips go on, those that waited at once.',
  label: 'Unfreeze',
  weight: 'heavy',
  reason: 'needed',
  steps: [(input) => ({ path: '/v1/unfreeze', body: withReason(input) })],
};

/** A command to a wave; it concerns every org of it, so that the number of orgs is said. */
export function waveOrder(wave: WaveStatus, command: WaveCommand, took: (wave: WaveStatus) => void): Order {
  const { name, label, about, weight, needsReason } = command;
  return {
    title: `${label}: ${wave.name}, ${wave.orgs} orgs`,
    about,
    label,
    weight,
    reason: needsReason ? 'needed' : 'optional',
    steps: [(input) => ({ path: `/v1/waves/${encodeURIComponent(wave.id)}/${name}`, body: withReason(input) })],
    done: (answer) => took(answer as WaveStatus),
  };
}

export function fleetOrder(action: 'add' | 'remove', name: string): Order {
  return {
    title: action === 'add' ? `Add ${name} to the fleet` : `Take ${name} out of the fleet`,
    about:
      action === 'add'
        ? 'It is given every route that the members have, and counts once they are proven. Flips wait meanwhile.'
        : 'Only a proxy that is proven dead can be taken out: the proof takes up to two minutes. Nobody waits for it afterwards.',
    label: action === 'add' ? 'Add' : 'Take out',
    weight: 'heavy',
    reason: action === 'add' ? 'optional' : 'needed',
    steps: [(input) => ({ path: `/v1/fleet/${encodeURIComponent(name)}/${action}`, body: withReason(input) })],
  };
}
