import { pageFiles } from './pageFiles.ts';
import type { App } from './types.ts';

/**
 * The web page. Its files are the same for everybody and hold nothing: what it shows, it asks the API for with the
 * token that it was given. Only what is on the list is served, whatever a path says.
 */
export function pageRoutes(app: App): void {
  for (const path of pageFiles.paths) {
    app.get(path, async (request, reply) => {
      const file = pageFiles.file(path);
      reply.headers(file.headers);
      // A browser asks each time, and is answered in a few bytes while nothing has changed.
      if (request.headers['if-none-match']?.includes(file.etag)) return reply.code(304).send();
      return reply.type(file.type).send(file.body);
    });
  }
}
