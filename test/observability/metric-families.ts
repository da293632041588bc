/** Names of the families in the Prometheus text format, and of the series a histogram is made of. */
export function familiesIn(text: string): { readonly names: Set<string>; readonly series: Set<string> } {
  const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  const names = families.map(([, name = '']) => name);
  const parts = families.flatMap(([, name, type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [],
  );
  return { names: new Set(names), series: new Set([...names, ...parts]) };
}
