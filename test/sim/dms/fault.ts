/** A fault of the service, as the SDK throws it. */
export class DmsFault extends Error {
  readonly $fault = 'client';
  readonly $metadata = { httpStatusCode: 400 };

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

export const dmsFaults = {
  notFound: (what: string) => new DmsFault('ResourceNotFoundFault', `${what} does not exist`),
  exists: (what: string) => new DmsFault('ResourceAlreadyExistsFault', `${what} already exists`),
  state: (message: string) => new DmsFault('InvalidResourceStateFault', message),
  parameter: (message: string) => new DmsFault('InvalidParameterValueException', message),
  combination: (message: string) => new DmsFault('InvalidParameterCombinationException', message),
};
