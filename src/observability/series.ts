// Counters and histograms that only look up and add (docs/performance.md#the-hot-path); exposition.ts writes them as text.

export type Description = {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
};

type Label = string | number;
export type Labels = Readonly<Record<string, Label>>;

/** The series of a metric, one for each combination of labels. */
export type Series<Figures> = readonly { readonly labels: Labels; readonly figures: Figures }[];

export type Counter = Description & {
  /** Adds one, or `count`, to the series with these labels, in the order of their names. */
  add(labels: readonly Label[], count?: number): void;
  series(): Series<{ readonly count: number }>;
};

export function createCounter(description: Description): Counter {
  const { find, series } = createSeries(description.labelNames, () => ({ count: 0 }));
  return {
    ...description,
    add(labels, count = 1) {
      find(labels).count += count;
    },
    series,
  };
}

export type HistogramDescription = Description & {
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
};

/** `counts` are those of each bucket alone; a value above the last bound is only part of `count`. */
export type HistogramFigures = {
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
};

export type Histogram = HistogramDescription & {
  /** Counts a value in the series with these labels, in the order of their names. */
  observe(labels: readonly Label[], value: number): void;
  series(): Series<HistogramFigures>;
};

export function createHistogram(description: HistogramDescription): Histogram {
  const { labelNames, buckets } = description;
  const { find, series } = createSeries(labelNames, () => ({
    counts: buckets.map(() => 0),
    count: 0,
    sum: 0,
  }));
  return {
    ...description,
    observe(labels, value) {
      const figures = find(labels);
      figures.count += 1;
      figures.sum += value;
      for (let index = 0; index < buckets.length; index += 1) {
        if (value > (buckets[index] ?? 0)) continue;
        figures.counts[index] = (figures.counts[index] ?? 0) + 1;
        return;
      }
    },
    series,
  };
}

type Branch<Figures> = { figures?: Figures; readonly next: Map<Label, Branch<Figures>> };

/** Finds figures by labels, a map for each label, and creates those that are missing. */
function createSeries<Figures>(labelNames: readonly string[], create: () => Figures) {
  const root: Branch<Figures> = { next: new Map() };
  const all: { readonly labels: Labels; readonly figures: Figures }[] = [];
  const find = (labels: readonly Label[]): Figures => {
    let branch = root;
    for (const label of labels) {
      let next = branch.next.get(label);
      if (next === undefined) {
        next = { next: new Map() };
        branch.next.set(label, next);
      }
      branch = next;
    }
    return (branch.figures ??= begin(labels));
  };
  const begin = (values: readonly Label[]): Figures => {
    const labels = Object.fromEntries(labelNames.map((name, index) => [name, values[index] ?? '']));
    const figures = create();
    all.push({ labels, figures });
    return figures;
  };
  // Without labels there is one series, from the start.
  if (labelNames.length === 0) find([]);
  return { find, series: () => all };
}
