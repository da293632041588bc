// The sandbox's page, on top of the control API. Values that anyone may have sent go into text nodes only.

import { cells, element, say, showBudget, showRows, time as timeOf, $ } from './parts.js';

const API = '/_sandbox';
const FAULTS = {
  10001: 'Internal error',
  20011: 'Internal error',
  20012: 'Request not understood',
  20013: 'Access denied',
  20014: 'Authentication failed',
  20015: 'Request limit exceeded',
  20016: 'Request expired',
  20017: 'Invalid request',
  20018: 'Invalid operation',
  20019: 'Unsupported operation',
  20023: 'Rate limit exceeded',
  20024: 'Concurrency limit exceeded',
  20103: 'Lead not found',
  20105: 'Unknown lead field',
  20106: 'Lead sync failed',
  20110: 'Parameter bad',
};
const CODES = {
  502: 'Bad Gateway',
  601: 'Access token invalid',
  602: 'Access token expired',
  603: 'Access denied',
  604: 'Request timed out',
  606: 'Rate limit',
  607: 'Daily quota reached',
  608: 'API temporarily unavailable',
  611: 'System error',
  614: 'Invalid subscription',
  615: 'Concurrent access limit',
  713: 'Transient error',
};
const GOOD = new Set(['CREATED', 'UPDATED', 'DELETED', 'FOUND', 'DONE', 'TOKEN']);
const BUDGETS = [
  { id: 'window', label: 'Calls in the last 20 seconds', used: 'last20Seconds', limit: 'callsPer20Seconds' },
  { id: 'concurrent', label: 'Calls in flight', used: 'concurrent', limit: 'concurrentCalls' },
  { id: 'day', label: 'Calls today', used: 'today', limit: 'callsPerDay' },
];
const SHOWN = 100;

let selected = null;
let lastCall = null;
let limitsEnabled = true;

const time = (iso) => timeOf(iso, true);

async function ask(path, method = 'GET', body) {
  const response = await fetch(API + path, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    }),
  });
  const json = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(json.detail);
  return json;
}

async function showLeads() {
  const search = encodeURIComponent($('search').value.trim());
  const { total, leads } = await ask(`/leads?newest=${SHOWN}&search=${search}`);
  leads.sort((one, other) => other.id - one.id);
  $('leads-count').textContent = total > leads.length ? `(${leads.length} of ${total})` : `(${total})`;
  $('leads-none').hidden = total > 0;
  $('leads-none').textContent =
    search === '' ? 'No leads yet. Send one to the gateway and it appears here.' : 'None that contains this.';
  showRows(
    $('leads'),
    leads,
    ({ id }) => id,
    (row, lead) => {
      const open = row.cells[0]?.firstElementChild ?? opener(lead.id, 'lead', openLead);
      const foreign = lead.foreignSysPersonId ? `${lead.foreignSysPersonId} (${lead.foreignSysType})` : '';
      cells(row, [
        open,
        lead.email,
        foreign,
        lead.partition,
        lead.anonymous ? 'anonymous' : 'known',
        time(lead.updatedAt),
      ]);
    },
  );
}

function opener(id, what, open) {
  const button = element('button', id, { type: 'button', className: 'link' });
  button.setAttribute('aria-label', `Show ${what} ${id}`);
  button.addEventListener('click', () => void open(id));
  return button;
}

async function openLead(id) {
  selected = id;
  await showLead();
  $('lead-heading').focus();
}

async function showLead() {
  if (selected === null) return;
  const lead = await ask(`/leads/${selected}`).catch(() => null);
  if (!lead) {
    closeLead();
    return;
  }
  $('lead').hidden = false;
  $('lead-heading').textContent = `Lead ${lead.id}`;
  const fields = {
    Email: lead.email,
    ForeignSysPersonId: lead.foreignSysPersonId,
    ForeignSysType: lead.foreignSysType,
    Cookies: lead.cookies.join(', '),
    Partition: lead.partition,
    Created: new Date(lead.createdAt).toLocaleString(),
    ...lead.attributes,
  };
  $('lead-fields').replaceChildren(
    ...Object.entries(fields)
      .filter(([, value]) => value)
      .flatMap(([name, value]) => [element('dt', name), element('dd', value)]),
  );
  $('lead-history').replaceChildren(...lead.history.toReversed().map(historyItem));
}

function historyItem({ time: at, operation, event, matchedBy, changes }) {
  const item = element('li');
  const found = matchedBy ? `, found by ${matchedBy}` : '';
  item.append(time(at), ` ${event} by ${operation}${found}`);
  const list = element('ul');
  for (const { field, from, to } of changes)
    list.append(element('li', `${field}: ${from ?? '–'} → ${to ?? '–'}`));
  if (changes.length === 0) list.append(element('li', 'nothing changed'));
  item.append(list);
  return item;
}

function closeLead() {
  selected = null;
  $('lead').hidden = true;
}

async function showCalls() {
  const { calls } = await ask(`/calls?newest=${SHOWN}`);
  $('calls-none').hidden = calls.length > 0;
  showRows(
    $('calls'),
    calls,
    ({ number }) => number,
    (row, call) => {
      const good = GOOD.has(call.outcome);
      const text = outcomeOf(call);
      const counts = Object.entries(call.statuses ?? {}).map(([status, count]) => `${count} ${status}`);
      const outcome = element('span', call.outcome === 'MIXED' ? counts.join(', ') : text, {
        className: good ? 'good' : 'bad',
      });
      const open = row.cells[0]?.firstElementChild ?? opener(call.number, 'call', openCall);
      const saw = seenBy(call);
      cells(row, [open, time(call.time), operationOf(call), call.records, outcome, saw, call.durationMs]);
    },
  );
  const [newest] = calls;
  if (newest && lastCall !== null && newest.number > lastCall) {
    say(`${newest.operation}: ${outcomeOf(newest)}`);
  }
  lastCall = newest?.number ?? 0;
}

// What the gateway answered; of a call with several leads, the first one's.
function seenBy({ callerSaw }) {
  if (!callerSaw) return '';
  const { status, problem } = callerSaw;
  return element('span', problem === null ? status : `${status} ${problem}`, {
    className: problem === null ? 'good' : 'bad',
  });
}

async function openCall(number) {
  const { request, answer } = await ask(`/calls/${number}`);
  $('call').hidden = false;
  $('call-heading').textContent = `Call ${number}`;
  $('call-request').textContent = request ?? 'It is no longer kept.';
  $('call-answer').textContent = answer ?? 'It is no longer kept.';
  $('call-heading').focus();
}

async function showGateway() {
  const { url } = await ask('/gateway');
  $('gateway-links').hidden = url === null;
  $('send').hidden = url === null;
  if (url === null) return;
  // The gateway's own words for where it is; from elsewhere it has the name that this page has.
  const shown = new URL(url);
  shown.hostname = location.hostname;
  const base = shown.href.replace(/\/$/, '');
  $('gateway-url').textContent = base;
  $('gateway-docs').href = `${base}/docs`;
  $('gateway-status').href = `${base}/status`;
}

async function sendLead() {
  let lead;
  try {
    lead = JSON.parse($('send-lead').value);
  } catch (error) {
    throw new Error(`the body is not JSON: ${error.message}`, { cause: error });
  }
  const key = $('send-key').value.trim();
  const answer = await ask('/send', 'POST', key === '' ? { lead } : { lead, key });
  $('send-answer').hidden = false;
  $('send-answer').textContent = `${answer.status}\n${JSON.stringify(answer.body, null, 2)}`;
}

function outcomeOf({ faultCode, errorCode, outcome }) {
  if (faultCode) return `fault ${faultCode} ${FAULTS[faultCode] ?? ''}`;
  return errorCode ? `error ${errorCode} ${CODES[errorCode] ?? ''}` : outcome;
}

// By REST with what the call was for: "REST sync createOrUpdate by email in Europe".
function operationOf({ operation, endpoint, action, lookupField, partition }) {
  if (!endpoint) return operation;
  const parts = [action, lookupField && `by ${lookupField}`, partition && `in ${partition}`];
  return ['REST', operation, ...parts].filter(Boolean).join(' ');
}

async function showLimits() {
  const [soap, rest, { secondsLeft }] = await Promise.all([
    ask('/limits'),
    ask('/rest-limits'),
    ask('/token'),
  ]);
  showBudgets('soap', soap);
  showBudgets('rest', rest);
  limitsEnabled = soap.enabled || rest.enabled;
  const resets = new Date(soap.dayEndsAt).toLocaleString();
  $('budgets-note').textContent = limitsEnabled
    ? `A batch holds ${soap.limits.recordsPerBatch} records. The day ends at ${resets} (midnight US Central).`
    : 'The limits are off: calls are counted and never refused.';
  $('limits-switch').setAttribute('aria-pressed', String(limitsEnabled));
  $('token-life').textContent =
    secondsLeft === null
      ? 'There is no REST token'
      : `The REST token lives ${Math.floor(secondsLeft)} s more`;
}

function showBudgets(face, { limits, used }) {
  for (const { id, label, used: usedName, limit } of BUDGETS) {
    const budget = { id: `${face}-${id}`, label, used: used[usedName], limit: limits[limit] };
    showBudget($(`${face}-budgets`), budget);
  }
}

async function showWaiting() {
  const { waiting } = await ask('/next');
  $('waiting-none').hidden = waiting.length > 0;
  $('waiting-clear').hidden = waiting.length === 0;
  $('waiting').replaceChildren(
    ...waiting.map(({ times, fault, error, delayMs, reset, garbage, operation, ...more }) => {
      const parts = [
        operation && `at ${operation}`,
        fault && `fault ${fault.code} ${FAULTS[fault.code] ?? ''}`,
        error && `error ${error.code} ${error.message ?? CODES[error.code] ?? ''}`,
        garbage && `garbage with status ${garbage.status}`,
        reset && `connection broken ${reset}`,
        delayMs !== undefined && `answer delayed by ${delayMs / 1000} s`,
        ...Object.entries(more).map(([name, value]) => `${name} ${JSON.stringify(value)}`),
      ].filter(Boolean);
      return element('li', parts.join(', ') + (times > 1 ? `, ${times} times` : ''));
    }),
  );
}

// One refresh at a time; changes during it are fetched by another.
let refreshing = false;
let again = false;
async function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  do {
    again = false;
    await Promise.all([showLeads(), showLead(), showCalls(), showLimits(), showWaiting()]).catch(() => {});
  } while (again);
  refreshing = false;
}

function queue(form, bodyOf, words) {
  $(form).addEventListener('submit', (event) => {
    event.preventDefault();
    if (!$('times').reportValidity()) return;
    const times = Number($('times').value);
    void act(() => ask('/next', 'POST', { ...bodyOf(), times }), words);
  });
}

async function act(work, words) {
  try {
    await work();
    say(words);
  } catch (error) {
    say(`That failed: ${error.message}`);
  }
  await refresh();
}

for (const [code, title] of Object.entries(FAULTS)) {
  $('fault-code').append(element('option', `${code} ${title}`, { value: code, selected: code === '20016' }));
}
for (const [code, title] of Object.entries(CODES)) {
  $('error-code').append(element('option', `${code} ${title}`, { value: code, selected: code === '606' }));
}
$('endpoint').textContent = `${location.origin}/soap/mktows/2_9`;
$('rest-endpoint').textContent = `${location.origin}/rest`;
$('identity-endpoint').textContent = `${location.origin}/identity`;
queue('error-form', () => ({ error: { code: $('error-code').value } }), 'The code is queued.');
$('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void act(() => ask('/token', 'DELETE'), 'The token was ended.');
});
queue('fault-form', () => ({ fault: { code: Number($('fault-code').value) } }), 'The fault is queued.');
queue('delay-form', () => ({ delayMs: Number($('delay-seconds').value) * 1000 }), 'The delay is queued.');
queue('reset-form', () => ({ reset: $('reset-moment').value }), 'The break is queued.');
queue(
  'garbage-form',
  () => ({ garbage: { status: 200, contentType: 'text/html', body: '<html><body>Sorry!</body></html>' } }),
  'The garbage is queued.',
);
$('waiting-clear').addEventListener('click', () => {
  void act(() => ask('/next', 'DELETE'), 'The queue is empty.');
});
$('limits-switch').addEventListener('click', () => {
  const change = { enabled: !limitsEnabled };
  const both = () => Promise.all(['/limits', '/rest-limits'].map((path) => ask(path, 'PUT', change)));
  void act(both, 'The limits were switched.');
});
$('send-lead').value = JSON.stringify(
  { email: 'jane@example.com', attributes: { FirstName: 'Jane', LeadScore: 62 } },
  null,
  2,
);
$('send-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void act(sendLead, 'The lead was sent.');
});
$('search').addEventListener('input', () => void refresh());
$('call-close').addEventListener('click', () => {
  $('call').hidden = true;
  $('calls-heading').focus();
});
$('lead-close').addEventListener('click', () => {
  closeLead();
  $('leads-heading').focus();
});
$('reset-all').addEventListener('click', () => {
  if (!confirm('Delete all leads and calls, and reset every setting?')) return;
  closeLead();
  $('call').hidden = true;
  void act(() => ask('/reset', 'POST'), 'The sandbox was reset.');
});

const events = new EventSource(`${API}/events`);
events.addEventListener('open', () => {
  $('connection').textContent = 'Live: this page updates by itself.';
  void refresh();
  void showGateway();
});
events.addEventListener('change', () => void refresh());
events.addEventListener('error', () => {
  $('connection').textContent = 'The sandbox does not answer. Trying again…';
});
// The 20-second window moves on without calls.
setInterval(() => {
  if (!document.hidden && events.readyState === EventSource.OPEN) showLimits().catch(() => {});
}, 2000);
