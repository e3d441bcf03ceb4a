import { CutoverError } from '../errors/index.ts';
import { type Check, findingFrom } from './finding.ts';

/** Every proxy answers, is new enough, and is set up so that a flip can rely on it. */
export const proxyFindings: Check = async (estate, migration) => {
  await estate.routing.refresh();
  const answers = await Promise.all(
    estate.routing.proxies.map(async (proxy) => {
      try {
        const { refusals, version } = await proxy.inspect();
        await proxy.assertClean();
        const unfit = refusals.map((refusal) => ({
          code: 'PROXY_UNFIT',
          severity: 'refuse' as const,
          message: `proxy ${proxy.name}: ${refusal}`,
          remedy: 'Set the proxy as the message says, on every instance.',
          evidence: { proxy: proxy.name, version },
        }));
        return [...unfit, ...(await proxy.findings(migration, estate.catalogue))];
      } catch (error) {
        if (error instanceof CutoverError) return [findingFrom(error)];
        throw error;
      }
    }),
  );
  return answers.flat();
};
