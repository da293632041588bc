const WIDTH = 720;
/** Where the bars begin. */
const LEFT = 260;
const COLORS = {
  'bare relay': '#b0b7bf',
  'lead-gateway': '#2563a8',
  'lead-gateway, a call for each lead': '#6f9fd0',
  'node-soap behind express': '#c2803a',
};

/** Bars of throughput against the bare relay, with the CPU time a request takes. */
export function speedPlot({ throughput, node }) {
  let y = 48;
  const rows = throughput.map(({ name, ratio, perSecond, cpuMicros }) => {
    const top = y;
    y += 34;
    const width = Math.max(1, ratio * 250);
    return (
      `<rect x="${LEFT}" y="${top}" width="${width.toFixed(1)}" height="20" fill="${COLORS[name] ?? '#8a929b'}"/>` +
      `<text x="16" y="${top + 15}">${name}</text>` +
      `<text x="${(LEFT + 8 + width).toFixed(1)}" y="${top + 15}">${ratio.toFixed(2)} · ${perSecond.toFixed(0)}/s · ${cpuMicros.toFixed(0)} µs CPU</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" font-family="system-ui, sans-serif" font-size="13" fill="#24292f" role="img" aria-label="Throughput against a bare relay">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="16" y="26" font-size="15" font-weight="600">Throughput on one core against a relay that understands nothing (Node ${node.replace('v', '')})</text>
${rows.join('\n')}
</svg>
`;
}
