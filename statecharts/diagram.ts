import { writeFile } from 'node:fs/promises';
import { mermaid } from './diagram/mermaid.ts';
import { stateTable, transitionTable } from './diagram/tables.ts';
import { viewOfMachine } from './diagram/view.ts';

/** Where the generated document lies, beside the machine. */
export const diagramFile = new URL('./diagram.md', import.meta.url);

/** The document: diagram, states and transitions, from the machine itself. Always the same for the same machine. */
export function diagram(): string {
  const states = viewOfMachine();
  return `# The path of one org

Generated from the machine by \`node statecharts/diagram.ts\`; a test fails when it is stale.

Left out of the picture: what does not leave a state, and on which inner state of another phase an arrow ends. The table
below has both. Effects are asked for by the machine and done by the driver, which answers with \`<effect>.done\` or
\`<effect>.failed\`. A state tagged *holding* has the org's writes waiting; *memory* is not written to the journal;
*undecided* is what a new owner recovers by asking what was decided.

\`\`\`mermaid
${mermaid(states)}
\`\`\`

## States

${stateTable(states)}

## Transitions

Of several lines for one event the first whose guard holds is taken.

${transitionTable(states)}
`;
}

if (import.meta.main) await writeFile(diagramFile, diagram());
