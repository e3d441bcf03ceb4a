import { NotReadyError } from '../errors/http.ts';
import type { MigrationService } from '../service/status.ts';
import { health, readiness } from './schemas.ts';
import type { App } from './types.ts';

/** Asked by load balancers and supervisors, so without a token. */
export function healthRoutes(app: App, service: MigrationService, version: string): void {
  app.get(
    '/healthz',
    { schema: { summary: 'The process is alive', response: { 200: health } } },
    async () => ({ status: 'ok', version }) as const,
  );

  app.get(
    '/readyz',
    { schema: { summary: 'Everything the controller depends on answers', response: { 200: readiness } } },
    async () => {
      const missing = await service.notReady();
      if (missing.length > 0) throw new NotReadyError(missing);
      return { status: 'ready' } as const;
    },
  );
}
