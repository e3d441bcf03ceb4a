import type { Failure } from '../../statecharts/effects.ts';
import { CutoverError, messageOf } from '../errors/index.ts';

/** What the machine and the status are told of an error. Something that is no error of ours is a defect and says so. */
export function failureFrom(error: unknown): Failure {
  if (error instanceof CutoverError) {
    return { code: error.code, message: error.message, remedy: error.remedy, details: error.details };
  }
  return {
    code: 'INTERNAL',
    message: messageOf(error),
    remedy: 'This is a defect of the controller: report it with the log of this moment, then retry.',
    details: {},
  };
}
