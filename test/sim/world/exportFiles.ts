import { createHash } from 'node:crypto';
import type { ExportFiles } from '../../../src/ports/exportFiles.ts';

/** Export files of one controller's machine, in memory: they outlive its process. */
export function exportFilesOf(host: string, files: Map<string, readonly string[]>): ExportFiles {
  return {
    host,
    begin: async (prefix, name) => {
      const path = `${prefix}/${name}`;
      const lines: string[] = [];
      return {
        path,
        write: async (line) => void lines.push(JSON.stringify(line)),
        finish: async (last) => {
          const text = lines.map((line) => `${line}\n`).join('');
          const end = { lines: lines.length, sha256: createHash('sha256').update(text).digest('hex') };
          files.set(path, [...lines, JSON.stringify({ ...last, ...end })]);
          return end;
        },
        discard: async () => {},
      };
    },
    async *read(path) {
      for (const line of files.get(path)?.slice(0, -1) ?? []) yield JSON.parse(line);
    },
  };
}
