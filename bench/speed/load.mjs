// The load, in a process of its own: raw sockets and ready-made requests, so that it takes little of its core. Told by
// messages what to do: as many requests as `connections` carry one after the other, or `rate` of them a second with
// Poisson arrivals, whether or not earlier ones are answered.
import { connect } from 'node:net';
import { setImmediate as poll, setTimeout as pause } from 'node:timers/promises';
import { attributesOf } from './leads.mjs';

/** Different people, more than are ever on their way at a time: no two requests are the same. */
const PEOPLE = 4096;
/** How late a timer may be. */
const TIMER_MS = 1.2;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

function requests({ host, headers, attributes, people = PEOPLE, person = 'jane' }) {
  return Array.from({ length: people }, (_, index) => {
    const body = JSON.stringify({
      email: `${person}.${index}@example.com`,
      attributes: attributesOf(index, attributes),
    });
    const head = Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    return Buffer.from(
      `PUT /leads HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
}

/** One connection; `send` calls back with whether the answer was a success. */
function connection(port, host) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, noDelay: true });
    let pending = Buffer.alloc(0);
    let done;
    socket.once('connect', () => resolve({ send, close: () => socket.destroy() }));
    socket.once('error', reject);
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const head = pending.indexOf(END_OF_HEAD);
      if (head === -1) return;
      const text = pending.latin1Slice(0, head);
      const length = /content-length: (\d+)/i.exec(text);
      if (length === null) throw new Error(`no Content-Length in ${text}`);
      if (pending.length < head + 4 + Number(length[1])) return;
      pending = Buffer.alloc(0);
      done(text.startsWith('HTTP/1.1 2'), text);
    });
    function send(request, callback) {
      done = callback;
      socket.write(request);
    }
  });
}

async function closedLoop({ port, host, connections, seconds, total = Infinity, ...lead }) {
  const leads = requests({ host, ...lead });
  const open = await Promise.all(Array.from({ length: connections }, () => connection(port, host)));
  let sent = 0;
  let answered = 0;
  const failures = {};
  const startedAt = performance.now();
  const endsAt = seconds === undefined ? Infinity : startedAt + seconds * 1000;
  await Promise.all(
    open.map(
      ({ send }) =>
        new Promise((resolve) => {
          const next = () => {
            if (sent >= total || performance.now() >= endsAt) {
              resolve();
              return;
            }
            sent += 1;
            send(leads[sent % leads.length], (isSuccess, text) => {
              answered += 1;
              if (!isSuccess) failures[text.slice(9, 12)] = (failures[text.slice(9, 12)] ?? 0) + 1;
              next();
            });
          };
          next();
        }),
    ),
  );
  const monotonicMs = performance.now() - startedAt;
  for (const { close } of open) close();
  return { answered, failures, perSecond: (answered / monotonicMs) * 1000, monotonicMs };
}

async function openLoop({ port, host, connections, seconds, rate, ...lead }) {
  const leads = requests({ host, ...lead });
  const idle = await Promise.all(Array.from({ length: connections }, () => connection(port, host)));
  const all = [...idle];
  const latencies = [];
  const failures = {};
  const put = async (index) => {
    const sentAt = performance.now();
    const one = idle.pop() ?? (await connection(port, host));
    if (!all.includes(one)) all.push(one);
    one.send(leads[index % leads.length], (isSuccess, text) => {
      latencies.push(performance.now() - sentAt);
      if (!isSuccess) failures[text.slice(9, 12)] = (failures[text.slice(9, 12)] ?? 0) + 1;
      idle.push(one);
    });
  };
  const total = rate * seconds;
  let dueAt = performance.now();
  for (let sent = 0; sent < total; sent += 1) {
    // Exponential gaps make Poisson arrivals.
    dueAt += (-Math.log(1 - Math.random()) * 1000) / rate;
    for (let leftMs = dueAt - performance.now(); leftMs > 0; leftMs = dueAt - performance.now()) {
      // Timers have whole milliseconds; the rest is polled for.
      await (leftMs > TIMER_MS ? pause(leftMs - TIMER_MS) : poll());
    }
    void put(sent);
  }
  while (latencies.length < total) await pause(1);
  for (const { close } of all) close();
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
  return { answered: latencies.length, failures, p50: at(0.5), p99: at(0.99) };
}

process.on('message', (task) => {
  const run = task.rate === undefined ? closedLoop : openLoop;
  run(task).then(
    (result) => process.send({ result }),
    (error) => process.send({ error: String(error) }),
  );
});
process.send('ready');
