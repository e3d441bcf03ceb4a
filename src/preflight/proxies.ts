import { asked } from './asked.ts';
import type { Check } from './finding.ts';

/** Every proxy answers, is new enough, and is set up so that a flip can rely on it. */
export const proxyFindings: Check = async (estate, migration) => {
  await estate.routing.refresh();
  const answers = await Promise.all(
    estate.routing.proxies.map((proxy) =>
      asked(estate.clock, async () => {
        const { refusals, version, tooOld } = await proxy.inspect();
        await proxy.assertClean();
        const unfit = refusals.map((refusal) => ({
          code: refusal === tooOld ? 'PROXY_TOO_OLD' : 'PROXY_UNFIT',
          severity: 'refuse' as const,
          message: `proxy ${proxy.name}: ${refusal}`,
          remedy:
            refusal === tooOld
              ? 'Update ProxySQL on every instance; 3.0.12 or later is advised.'
              : 'Set the proxy as the message says, on every instance.',
          evidence: { proxy: proxy.name, version },
        }));
        return [...unfit, ...(await proxy.findings(migration, estate.catalogue))];
      }),
    ),
  );
  return answers.flat();
};
