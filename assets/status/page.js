// The status page, on top of GET /status. Values that come from outside go into text nodes only.
import { showOutbox } from './outbox.js';
import { cells, element, say, showBudget, showRows, time, $ } from './parts.js';
import { ask, forgetKey, hasKey, keepKey } from './requests.js';

const POLL_MS = 2000;
const BUDGETS = [
  { id: 'queue', label: 'Leads that wait', of: ({ queue }) => [queue.waiting, queue.limit] },
  {
    id: 'window',
    label: 'Calls in the last 20 seconds',
    of: ({ calls }) => [calls.window.limit - calls.window.left, calls.window.limit],
  },
  {
    id: 'concurrent',
    label: 'Calls that run',
    of: ({ calls }) => [calls.concurrent.running, calls.concurrent.limit],
  },
  { id: 'day', label: 'Calls today', of: ({ calls }) => [calls.day.limit - calls.day.left, calls.day.limit] },
];
const STANDING = { accepted: 'accepted', refused: 'refused by Marketo', untried: 'not tried yet' };

let last = null;

function show(status) {
  if (last !== null && last.status !== status.status) say(`The gateway is ${status.status}.`);
  last = status;
  $('state').textContent = status.status;
  $('state').className = `state ${status.status === 'ready' ? 'good' : 'bad'}`;
  document.title = `${status.status} – lead-gateway status`;
  const { api, host, sandbox, sandboxUrl } = status.upstream;
  showSandboxLink(sandboxUrl);
  const where = sandbox ? 'the embedded sandbox' : `Marketo at ${host}`;
  $('about').textContent =
    `Version ${status.version}, started ${new Date(status.startedAt).toLocaleString()}, writes to ${where} by ${api.toUpperCase()}.`;
  const notices = [...status.reasons, ...status.warnings];
  $('notices').hidden = notices.length === 0;
  showTexts($('notice-list'), notices);
  showBudgets(status);
  showParts(status);
  showProblems(status.problems);
  showKeys(status.keys);
}

function showSandboxLink(url) {
  if (url === null || $('sandbox-link').childElementCount > 0) return;
  // From elsewhere it has the name that this page has.
  const shown = new URL(`${url}/_sandbox`);
  shown.hostname = location.hostname;
  $('sandbox-link').append('· ', element('a', 'sandbox', { href: shown.href }));
}

function showTexts(list, texts) {
  const version = JSON.stringify(texts);
  if (list.dataset.version === version) return;
  list.dataset.version = version;
  list.replaceChildren(...texts.map((text) => element('li', text)));
}

function showBudgets(status) {
  for (const { id, label, of } of BUDGETS) {
    const [used, limit] = of(status);
    showBudget($('budgets'), { id, label, used, limit });
  }
  const { usedUpAt, resetsAt, needed } = status.calls.day;
  const reset = new Date(resetsAt).toLocaleString();
  const note = usedUpAt
    ? `At the demand of the last hour the day's calls are used up at ${new Date(usedUpAt).toLocaleTimeString()}; they are reset at ${reset}.`
    : `The day's calls last: ${needed.toLocaleString()} more are expected until ${reset}.`;
  if ($('day-note').textContent !== note) $('day-note').textContent = note;
}

const isBad = (text) => /open:|refused|unavailable/.test(text);

function showParts({ circuitBreaker, credentials, clock, replicas, outbox, upstream }) {
  const parts = {
    Upstream: `${upstream.host} (${upstream.api.toUpperCase()})`,
    'Circuit breaker': circuitBreaker === 'open' ? 'open: Marketo does not respond' : 'closed',
    Credentials: STANDING[credentials],
    Clock: STANDING[clock],
    Replicas: replicas === undefined ? 'this one only' : `${replicas.connected} connected`,
    Redis: replicas === undefined ? 'not used' : replicas.coordinated ? 'decides about calls' : 'unavailable',
    Outbox: outbox ? 'on' : 'not used',
  };
  const version = JSON.stringify(parts);
  if ($('parts').dataset.version === version) return;
  $('parts').dataset.version = version;
  $('parts').replaceChildren(
    ...Object.entries(parts).flatMap(([name, text]) => [
      element('dt', name),
      element('dd', text, { className: isBad(text) ? 'bad' : '' }),
    ]),
  );
}

function showProblems(problems) {
  const wanted = $('filter').value.trim().toLowerCase();
  const found = problems.filter((problem) =>
    Object.values(problem).some((value) => String(value).toLowerCase().includes(wanted)),
  );
  $('problems-none').hidden = found.length > 0;
  $('problems-none').textContent =
    problems.length === 0 ? 'None since the start.' : 'None that contains this.';
  const counts = new Map();
  showRows(
    $('problems'),
    found,
    ({ time: at, requestId }) => {
      // A caller may send one request id for several requests.
      const key = `${at} ${requestId}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return `${key} ${counts.get(key)}`;
    },
    (row, { time: at, problem, status, route, caller, requestId }) => {
      const link = element('a', problem, { href: `problems/${encodeURIComponent(problem)}` });
      cells(row, [time(at), link, status, route, caller, requestId]);
    },
  );
}

function showKeys(keys) {
  $('keys-card').hidden = keys.length === 0;
  showRows(
    $('keys'),
    keys,
    ({ name }) => name,
    (row, { name, kind, state, lastUsedAt, requests, problems }) => {
      const used = lastUsedAt === null ? 'not since the start' : time(lastUsedAt);
      cells(row, [name, kind, state, used, requests.toLocaleString(), problems.toLocaleString()]);
    },
  );
}

function askForKey(text) {
  $('key-form').hidden = false;
  $('main').hidden = true;
  $('state').textContent = '…';
  $('connection').textContent = 'This gateway needs a key.';
  $('key-refused').textContent = text;
}

async function refresh() {
  try {
    const { status, json } = await ask('status');
    if (status === 401 || status === 403) {
      const refused = hasKey();
      forgetKey();
      askForKey(refused ? json.detail : '');
      return;
    }
    if (status !== 200) throw new Error(json.detail);
    $('key-form').hidden = true;
    $('main').hidden = false;
    show(json);
    await showOutbox(json.outbox);
    $('connection').textContent = 'Live: this page updates by itself.';
  } catch {
    $('connection').textContent = 'The gateway does not answer. Trying again…';
  }
}

let polling = false;
async function poll() {
  if (polling || document.hidden || !$('key-form').hidden) return;
  polling = true;
  await refresh();
  polling = false;
}

$('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  keepKey($('key').value.trim());
  $('key').value = '';
  void refresh();
});
$('filter-form').addEventListener('submit', (event) => event.preventDefault());
$('filter').addEventListener('input', () => last && showProblems(last.problems));
document.addEventListener('visibilitychange', () => void poll());
setInterval(() => void poll(), POLL_MS);
void refresh();
