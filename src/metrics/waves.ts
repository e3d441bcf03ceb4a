import type { Registry } from 'prom-client';
import type { WaveCensus, WaveStore } from '../ports/waves.ts';
import { gauge } from './registry.ts';
import { type Sample, sampleLimitMs } from './sampler.ts';

/** Waves that have not ended, as every controller finds them in the store: the same figures from each. */
export function waveSample(registry: Registry, store: Pick<WaveStore, 'waveCensus'>, everyMs: number): Sample {
  let waves: readonly WaveCensus[] = [];
  gauge(
    registry,
    {
      name: 'wave_orgs',
      help: 'Orgs of a wave that has not ended, by the state of the wave',
      labels: ['wave', 'state'],
    },
    (metric) => {
      for (const { id, state, orgs } of waves) metric.set({ wave: id, state }, orgs);
    },
  );
  gauge(
    registry,
    {
      name: 'wave_moves',
      help: 'Moves of a wave that has not ended, by their phase; its other orgs have not started',
      labels: ['wave', 'phase'],
    },
    (metric) => {
      for (const { id, moves } of waves) {
        for (const { phase, moves: count } of moves) metric.set({ wave: id, phase }, count);
      }
    },
  );
  gauge(
    registry,
    { name: 'wave_stopped', help: '1 while a wave is paused by itself, by the code of why', labels: ['wave', 'code'] },
    (metric) => {
      for (const { id, stoppedBy } of waves) if (stoppedBy !== null) metric.set({ wave: id, code: stoppedBy }, 1);
    },
  );
  return {
    name: 'waves',
    everyMs,
    limitMs: sampleLimitMs,
    async take() {
      waves = await store.waveCensus().catch((error: unknown) => {
        // Figures of a store that does not answer any more are nobody's.
        waves = [];
        throw error;
      });
    },
  };
}
