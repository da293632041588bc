// People whose leads are accepted now and delivered later, an upstream that comes and goes, and what must hold of both.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Agent, request } from 'undici';
import { control, sleep, startSandbox, until } from '../processes.mjs';

/** A lead's number in the order of its person, as it stands in a call: enough to read it from the bytes. */
const MARK = /p(\d+)n(\d+)z/g;
const LONGEST_MARK = 20;

/** The sandbox behind a port that can be closed, which notes the leads of every call in their order. */
export async function startUpstream() {
  const sandbox = await startSandbox();
  await control(sandbox.url, '/limits', { enabled: false });
  const sockets = new Set();
  const sent = new Map();
  let isUp = true;
  const server = createServer((socket) => {
    if (!isUp) {
      socket.destroy();
      return;
    }
    const inner = connect(sandbox.port, '127.0.0.1');
    for (const one of [socket, inner]) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        socket.destroy();
        inner.destroy();
      });
    }
    let rest = '';
    socket.on('data', (data) => {
      rest += data.toString('latin1');
      let end = 0;
      for (const { 0: mark, 1: person, 2: number, index } of rest.matchAll(MARK)) {
        note(sent, Number(person), Number(number));
        end = index + mark.length;
      }
      rest = rest.slice(Math.max(end, rest.length - LONGEST_MARK));
    });
    socket.pipe(inner);
    inner.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    sandbox,
    /** The numbers of each person's leads, in the order they were sent in. */
    sent,
    env: {
      ...sandbox.env,
      MARKETO_SOAP_ENDPOINT: `${origin}/soap/mktows/2_9`,
      MARKETO_MAX_CALLS_PER_20S: '100000',
      MARKETO_DAILY_CALLS: '100000000',
      LOG_LEVEL: 'silent',
    },
    set(up) {
      isUp = up;
      if (!up) for (const socket of sockets) socket.destroy();
    },
    close: () => server.close(),
  };
}

function takeAny(items) {
  const at = Math.floor(Math.random() * items.length);
  const [item] = items.splice(at, 1);
  return item;
}

function note(log, person, number) {
  const numbers = log.get(person);
  if (numbers === undefined) log.set(person, [number]);
  else numbers.push(number);
}

/** One request of eight is a batch, with leads of 25 people. */
const BATCH_EACH = 8;
const BATCH_OF = 25;

/** People who send one lead after the other, each when the one before is answered, to one of some gateways. */
export function createPeople(count) {
  const accepted = new Map();
  const receipts = [];
  const next = Array.from({ length: count }, () => 0);
  const dispatcher = new Agent({ connections: 64, keepAliveTimeout: 1000 });
  let others = 0;

  function leadOf(person) {
    next[person] += 1;
    return {
      email: `person${person}@example.com`,
      attributes: { FirstName: `p${person}n${next[person]}z` },
    };
  }

  /** Sends a lead of each, as a batch if there are several. */
  async function put(url, group) {
    const leads = group.map(leadOf);
    const numbers = group.map((person) => next[person]);
    const isBatch = group.length > 1;
    try {
      const answer = await request(isBatch ? `${url}/leads/batch` : `${url}/leads`, {
        dispatcher,
        method: 'PUT',
        headers: { 'content-type': 'application/json', prefer: 'respond-async' },
        body: JSON.stringify(isBatch ? { leads } : leads[0]),
      });
      const body = await answer.body.json();
      if (answer.statusCode !== 202) {
        others += group.length;
        await sleep(200);
        return;
      }
      for (const [index, person] of group.entries()) note(accepted, person, numbers[index]);
      receipts.push(body.receipt);
    } catch {
      // Whether they are kept is not known.
      others += group.length;
      await sleep(200);
    }
  }

  return {
    accepted,
    receipts,
    others: () => others,
    leads: () => [...accepted.values()].reduce((sum, numbers) => sum + numbers.length, 0),
    /** Sends for as long as `isOn()`, from `atATime` people at a time; `urlOf` gives where to. */
    async send(urlOf, atATime, isOn) {
      const idle = Array.from({ length: count }, (_, person) => person);
      const caller = async () => {
        while (isOn()) {
          const size = Math.random() * BATCH_EACH < 1 ? BATCH_OF : 1;
          const group = Array.from({ length: Math.min(size, idle.length) }, () => takeAny(idle));
          if (group.length === 0) await sleep(5);
          else await put(urlOf(), group);
          idle.push(...group);
        }
      };
      await Promise.all(Array.from({ length: atATime }, caller));
    },
    /** How many receipts do not say that the lead is delivered, and what they say instead. */
    async undelivered(url) {
      const states = {};
      const left = [...receipts];
      const asker = async () => {
        for (let receipt = left.pop(); receipt !== undefined; receipt = left.pop()) {
          const answer = await request(url + receipt, { dispatcher });
          const { state = answer.statusCode, total, delivered } = await answer.body.json();
          if (state !== 'delivered' || total !== delivered) states[state] = (states[state] ?? 0) + 1;
        }
      };
      await Promise.all(Array.from({ length: 32 }, asker));
      return states;
    },
  };
}

/** Waits until nothing is pending, as `/status` or the receipts tell, and gives what must be empty. */
export async function verify({ sandbox, sent }, people, url, timeoutMs) {
  const { accepted } = people;
  await until(
    () => [...accepted].every(([person, numbers]) => sent.get(person)?.includes(numbers.at(-1)) === true),
    'the last lead of each person is sent',
    timeoutMs,
  );
  let states = {};
  await until(
    async () => Object.keys((states = await people.undelivered(url))).length === 0,
    () => `all receipts say delivered: ${JSON.stringify(states)}`,
    timeoutMs,
  );
  let leads = 0;
  let lost = 0;
  let outOfOrder = 0;
  for (const [person, numbers] of accepted) {
    // One that was answered with 503 while its commit was under way may be kept all the same, in its place.
    const arrived = sent.get(person) ?? [];
    const known = new Set(arrived);
    leads += numbers.length;
    lost += numbers.filter((number) => !known.has(number)).length;
    outOfOrder += arrived.filter((number, index) => index > 0 && number < arrived[index - 1]).length;
  }
  const wrong = await wrongValues(sandbox, accepted);
  const again = [...sent.values()].reduce((sum, numbers) => sum + numbers.length, 0);
  const unanswered = people.others();
  const figures = { leads, lost, outOfOrder, wrong, sent: again, unanswered };
  assert.deepEqual(
    { lost, outOfOrder, wrong },
    { lost: 0, outOfOrder: 0, wrong: 0 },
    JSON.stringify(figures),
  );
  return figures;
}

/** How many people have an older value in the sandbox than that of their last lead that was accepted. */
async function wrongValues(sandbox, accepted) {
  const answer = await request(`${sandbox.url}/_sandbox/leads`);
  const leads = await answer.body.json();
  const values = new Map(
    (Array.isArray(leads) ? leads : leads.leads).map(({ email, attributes }) => [
      email,
      attributes.FirstName,
    ]),
  );
  return [...accepted].filter(([person, numbers]) => {
    const [, value] = /n(\d+)z/.exec(values.get(`person${person}@example.com`)) ?? [];
    // Later ones were not answered, and may be kept all the same.
    return value === undefined || Number(value) < numbers.at(-1);
  }).length;
}
