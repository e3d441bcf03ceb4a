import type { Registry } from 'prom-client';
import type { Logger } from '../driver/logger.ts';
import { counter } from './registry.ts';

/** Runs what keeps figures. */
export type Keep = (work: () => void) => void;

/** The work that is measured never fails by its figures: a fault in keeping them is a defect, logged and counted. */
export function guard(registry: Registry, logger: Logger): Keep {
  const faults = counter(registry, {
    name: 'metrics_faults_total',
    help: 'Figures that were lost by a defect in keeping them',
  });
  return (work) => {
    try {
      work();
    } catch (error) {
      faults.inc();
      logger.error({ err: error }, 'a figure was not kept');
    }
  };
}
