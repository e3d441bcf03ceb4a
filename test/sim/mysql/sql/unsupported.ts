/** SQL that the simulated server does not know. It is a fault of the simulation, and ends the run. */
export class UnsupportedSql extends Error {
  constructor(sql: string, why: string) {
    super(`the simulated server does not know how to carry this out (${why}): ${sql}`);
    this.name = 'UnsupportedSql';
  }
}
