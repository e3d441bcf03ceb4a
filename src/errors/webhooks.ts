import { CutoverError } from './base.ts';

/** Neither the configuration nor the store knows the hook. */
export class WebhookUnknownError extends CutoverError {
  readonly code = 'WEBHOOK_UNKNOWN';
  readonly remedy = 'Use a name from `bigdb-cutover webhooks`.';

  constructor(hook: string) {
    super(`there is no webhook ${hook}`, { details: { hook } });
  }
}
