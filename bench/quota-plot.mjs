const COLORS = { 'lead-gateway': '#2563a8', 'one call per lead': '#b0b7bf' };
const WIDTH = 760;
const ROW = 34;

/** Bars of accepted leads a second against what was offered, as an SVG that reads on light and dark grounds. */
export function quotaPlot(results, seconds) {
  const most = Math.max(...results.map(({ rate }) => rate));
  const rates = [...new Set(results.map(({ rate }) => rate))];
  const scale = (value) => (value / most) * (WIDTH - 400);
  let y = 56;
  const rows = rates.flatMap((rate) => {
    const heading = `<text x="16" y="${y}" font-weight="600">${rate} leads/s offered for ${seconds} s</text>`;
    y += 12;
    const bars = results
      .filter((result) => result.rate === rate)
      .map((result) => {
        const top = y;
        y += ROW;
        const width = Math.max(1, scale(result.acceptedPerSecond));
        const label = `${result.acceptedPerSecond.toFixed(result.acceptedPerSecond < 10 ? 1 : 0)} accepted/s, ${result.leadsPerCall.toFixed(1)} leads/call`;
        return (
          `<rect x="150" y="${top}" width="${scale(rate).toFixed(1)}" height="20" fill="none" stroke="#8a939c"/>` +
          `<rect x="150" y="${top}" width="${width.toFixed(1)}" height="20" fill="${COLORS[result.name]}"/>` +
          `<text x="16" y="${top + 15}">${result.name}</text>` +
          `<text x="${(150 + scale(rate) + 8).toFixed(1)}" y="${top + 15}">${label}</text>`
        );
      });
    y += 24;
    return [heading, ...bars];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="system-ui, sans-serif" font-size="13" fill="#24292f" role="img" aria-label="Leads accepted per second by the gateway and by one call per lead">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="16" y="26" font-size="15" font-weight="600">Leads a subscription of 100 calls per 20 s takes</text>
${rows.join('\n')}
</svg>
`;
}
