/** One line of a scrape. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A scrape in Prometheus' text format, read strictly: a line that is none of it is an error. */
export class Scrape {
  readonly text: string;
  readonly series: readonly Series[];
  /** Types by name, as `# TYPE` gives them. */
  readonly types: ReadonlyMap<string, string>;

  private constructor(text: string, series: readonly Series[], types: ReadonlyMap<string, string>) {
    this.text = text;
    this.series = series;
    this.types = types;
  }

  static parse(text: string): Scrape {
    const types = new Map<string, string>();
    const series: Series[] = [];
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/.exec(line);
      if (type !== null) types.set(type[1] ?? '', type[2] ?? '');
      else if (!/^# HELP [a-zA-Z_:][\w:]* \S/.test(line)) series.push(parseSeries(line));
    }
    return new Scrape(text, series, types);
  }

  /** Every name that a query can use: those of a histogram are its parts. */
  get names(): ReadonlySet<string> {
    return new Set(
      [...this.types].flatMap(([name, type]) =>
        type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
  }

  /** Series of a name that have at least these labels. */
  find(name: string, labels: Readonly<Record<string, string>> = {}): readonly Series[] {
    const wanted = Object.entries(labels);
    return this.series.filter((one) => one.name === name && wanted.every(([key, value]) => one.labels[key] === value));
  }

  /** Sum of these series; 0 where there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.find(name, labels).reduce((sum, { value }) => sum + value, 0);
  }
}

function parseSeries(line: string): Series {
  const [, name, , labels = '', value = ''] =
    /^([a-zA-Z_:][\w:]*)(\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$/.exec(line) ?? [];
  const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
  // A library writes `Nan`, which Prometheus takes.
  const read = !Number.isNaN(number) || /^nan$/i.test(value);
  if (name === undefined || value === '' || !read) throw new Error(`not a line of a scrape: ${line}`);
  const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)];
  return { name, labels: Object.fromEntries(pairs.map(([, key, text]) => [key, text])), value: number };
}
