// What PUT /leads/batch costs: the gateway's CPU time for each lead, and how long it holds the event loop up.
import { request } from 'node:http';
import { askChild, cpuMicros } from './processes.mjs';
import { median } from './report.mjs';

const LEADS = 1000;

/** Different people in each batch, so that no two leads have to wait for each other. */
function leadsOf(round, attributesOf) {
  return Array.from({ length: LEADS }, (_, index) => ({
    email: `batch.${round}.${index}@example.com`,
    attributes: attributesOf(index),
  }));
}

const FORMS = {
  JSON: { type: 'application/json', write: (leads) => JSON.stringify({ leads }) },
  NDJSON: {
    type: 'application/x-ndjson',
    write: (leads) => leads.map((lead) => `${JSON.stringify(lead)}\n`).join(''),
  },
};

function put({ port, headers }, type, body) {
  const options = { host: '127.0.0.1', port, method: 'PUT', path: '/leads/batch', agent: false };
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...options,
        headers: { ...headers, 'content-type': type, 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => (text += part));
        response.on('end', () => {
          const stored = text.split(/"status":20[01]/).length - 1;
          if (stored === LEADS) resolve();
          else reject(new Error(`${stored} of ${LEADS} leads were stored: ${text.slice(0, 500)}`));
        });
      },
    );
    sent.on('error', reject).end(body);
  });
}

/**
 * Sends batches one after the other, and reports a row for each form.
 *
 * @param target a gateway with a probe
 * @param attributesOf those of a lead
 */
export async function measureBatches(target, rounds, attributesOf) {
  const rows = [];
  for (const [name, { type, write }] of Object.entries(FORMS)) {
    // Half as many more, so that code is compiled.
    const bodies = Array.from({ length: Math.ceil(rounds * 1.5) }, (_, round) =>
      write(leadsOf(`${name}${round}`, attributesOf)),
    );
    const held = [];
    let cpuBefore = 0;
    for (const [round, body] of bodies.entries()) {
      if (round === bodies.length - rounds) cpuBefore = cpuMicros(target.pid);
      await askChild(target.child, 'stall');
      await put(target, type, body);
      held.push(await askChild(target.child, 'stall'));
    }
    const cpu = (cpuMicros(target.pid) - cpuBefore) / rounds / LEADS;
    const warm = held.slice(-rounds);
    rows.push({
      name,
      cpuMicros: cpu,
      heldMs: median(warm.map(({ ms }) => ms)),
      // Time of the CPU alone: other programs on a busy machine take none of it.
      worstHeldCpuMs: Math.max(...warm.map(({ cpuMs }) => cpuMs)),
      firstHeldMs: held[0].ms,
      firstHeldCpuMs: held[0].cpuMs,
    });
  }
  return rows;
}
