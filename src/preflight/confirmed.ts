import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Finding } from '../ports/finding.ts';

/** What somebody vouches for in the catalogue warns instead of refusing, and says on whose word. */
export function withConfirmed({ confirmed }: Pick<Catalogue, 'confirmed'>, findings: readonly Finding[]): Finding[] {
  return findings.map((finding) => {
    const found = confirmed.find(({ code, of }) => code === finding.code && of === finding.evidence.object);
    if (found === undefined) return finding;
    return { ...finding, severity: 'warn', evidence: { ...finding.evidence, confirmedBecause: found.because } };
  });
}
