/** A metric that an expression reads, with the labels that it asks of it. */
export interface Use {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** What an expression uses: metrics, and labels that it groups and matches by. */
export interface Uses {
  readonly metrics: readonly Use[];
  readonly grouping: readonly string[];
}

const functions = new Set(['absent', 'histogram_quantile', 'increase', 'label_values', 'max', 'rate', 'sum']);
const lists = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const operators = new Set(['and', 'or', 'unless', 'bool', 'offset']);
const token = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\d[\w.]*|[a-zA-Z_:][\w:]*|[<>=!~]+|[(){},+*/%^-]|\s+/y;

/**
 * Takes an expression of PromQL apart into words, and tells what each identifier is by what stands around it. No
 * parser: it knows the few functions that are used here and throws at everything else.
 */
export function usesOf(expression: string): Uses {
  const words = wordsOf(expression);
  const metrics: Use[] = [];
  const grouping: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (!/^[a-zA-Z_]/.test(word)) continue;
    if (lists.has(word)) {
      const end = words.indexOf(')', index);
      grouping.push(...words.slice(index + 2, end).filter((one) => one !== ','));
      index = end;
    } else if (words[index + 1] === '(' || /^(by|without)$/.test(words[index + 1] ?? '')) {
      if (!functions.has(word)) throw new Error(`${word} is no function that is known here, in ${expression}`);
      if (word === 'label_values') {
        const end = words.indexOf(')', index);
        metrics.push({ metric: words[index + 2] ?? '', labels: words.slice(index + 4, end) });
        index = end;
      }
    } else if (!operators.has(word)) {
      const open = words[index + 1] === '{';
      const end = open ? words.indexOf('}', index) : index;
      const inside = open ? words.slice(index + 2, end) : [];
      metrics.push({ metric: word, labels: inside.filter((one) => /^[a-zA-Z_]/.test(one)) });
      index = end;
    }
  }
  return { metrics, grouping };
}

function wordsOf(expression: string): string[] {
  const words: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < expression.length) {
    const at = token.lastIndex;
    const word = token.exec(expression)?.[0];
    if (word === undefined) throw new Error(`what is this: ${expression.slice(at)}`);
    if (word.trim() !== '' && !word.startsWith('[')) words.push(word);
  }
  return words;
}
