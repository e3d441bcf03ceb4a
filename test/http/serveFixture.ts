// Runs `serve` as its own process, over a service that keeps nothing.
import { serve } from '../../src/cli/serve.ts';
import { FakeOperations } from './fakeOperations.ts';
import { FakeFleet, FakeService } from './fakeService.ts';

process.exitCode = await serve(process.argv[2] ?? '', process.env, async () => ({
  startController: async (_config, logger) => ({
    service: new FakeService(),
    operations: new FakeOperations(),
    fleet: new FakeFleet(),
    stop: async () => logger.info('the controller has stopped'),
  }),
}));
