import type { Lab } from '../../lab/estate/lab.ts';
import type { Workload, WorkloadCheck } from '../../lab/workload/index.ts';

/** What clients met while it was measured, what became of their writes, and what it was measured on. */
export function soundnessOf(lab: Lab, workload: Workload, check: WorkloadCheck) {
  const { lost, duplicated, mismatchedRows, wrongSideWrites, writesAcknowledged } = check;
  const { clientErrors } = workload;
  const cluster = lab.clusters[0]?.server;
  return {
    isSound: clientErrors + lost + duplicated + wrongSideWrites === 0,
    shown: {
      clientErrors,
      lost,
      duplicated,
      mismatchedRows,
      wrongSideWrites,
      writesAcknowledged,
      proxysql: lab.proxies[0]?.kind ?? 'stand-in',
      cluster: `${cluster?.flavour === 'mysql' ? 'MySQL' : 'MariaDB'} ${cluster?.version}`,
    },
  };
}
