// Runs `serve` as its own process, over a service that keeps nothing.
import { serve } from '../../src/cli/serve.ts';
import { FakeOperations } from './fakeOperations.ts';
import { FakeFleet, FakeHooks, FakeOrgs, FakePlans, FakePurges, FakeRoutes, FakeService } from './fakeService.ts';
import { FakeWaves } from './fakeWaves.ts';

process.exitCode = await serve(process.argv[2] ?? '', process.env, async () => ({
  startController: async (_config, logger) => ({
    service: new FakeService(),
    operations: new FakeOperations(),
    fleet: new FakeFleet(),
    routing: new FakeRoutes().service,
    orgs: new FakeOrgs(),
    plans: new FakePlans(),
    waves: new FakeWaves(),
    purges: new FakePurges(),
    webhooks: new FakeHooks().service,
    metrics: { contentType: 'text/plain', text: async () => '' },
    stop: async () => logger.info('the controller has stopped'),
  }),
}));
