// The outbox's part of the page, on top of GET /outbox. What a lead holds goes into text nodes only.
import { cells, element, say, showRows, time, $ } from './parts.js';
import { ask } from './requests.js';

const SHOWN = 50;

/** The problem whose leads are listed; null: none are. */
let listed = null;
let isBusy = false;

export async function showOutbox(isOn) {
  $('outbox').hidden = !isOn;
  if (!isOn) return;
  const { status, json } = await ask('outbox');
  const mayLook = status === 200;
  $('outbox-refused').hidden = mayLook;
  $('outbox-open').hidden = !mayLook;
  if (!mayLook) return;
  showFigures(json);
  showGroups(json.failedByProblem);
  if (listed !== null) await showFailed();
}

function showFigures(counts) {
  const figures = {
    Pending: counts.pending.toLocaleString(),
    'Oldest pending': spanOf(counts.oldestPendingSeconds),
    'Next attempt': counts.nextAttemptAt ? new Date(counts.nextAttemptAt).toLocaleTimeString() : '–',
    'Paused by': counts.pausedBy ?? '–',
    'Delivered in an hour': counts.deliveredInHour.toLocaleString(),
    'Delivered in a day': counts.deliveredInDay.toLocaleString(),
    Failed: counts.failed.toLocaleString(),
  };
  const version = JSON.stringify(figures);
  if ($('outbox-figures').dataset.version === version) return;
  $('outbox-figures').dataset.version = version;
  $('outbox-figures').replaceChildren(
    ...Object.entries(figures).flatMap(([name, text]) => [element('dt', name), element('dd', text)]),
  );
}

function spanOf(seconds) {
  if (seconds === undefined) return '–';
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function showGroups(groups) {
  $('failed-none').hidden = groups.length > 0;
  showRows(
    $('failed-groups'),
    groups,
    ({ problem }) => problem,
    (row, { problem, count }) => {
      const link = element('a', problem, { href: `problems/${encodeURIComponent(problem)}` });
      cells(row, [link, count.toLocaleString(), row.cells[2]?.firstElementChild ?? groupActions(problem)]);
    },
  );
}

function groupActions(problem) {
  const actions = element('div', null, { className: 'row' });
  actions.append(
    action('Show', `Show the leads with ${problem}`, () => openList(problem)),
    action('Retry all', `Retry all leads with ${problem}`, async () => {
      const { retried } = await change('outbox/retry', 'POST', { problem });
      say(retried === 1 ? '1 lead is tried again.' : `${retried} leads are tried again.`);
    }),
  );
  return actions;
}

async function openList(problem) {
  listed = problem;
  await showFailed();
  $('failed-list-heading').focus();
}

async function showFailed() {
  const query = new URLSearchParams({ state: 'failed', problem: listed, limit: SHOWN });
  const { status, json } = await ask(`outbox/leads?${query}`);
  if (status !== 200) return;
  $('failed-list').hidden = json.leads.length === 0;
  $('failed-list-heading').textContent =
    json.next === undefined ? `Failed with ${listed}` : `Failed with ${listed}, the oldest ${SHOWN}`;
  showRows(
    $('failed-leads'),
    json.leads,
    ({ id }) => id,
    (row, { id, acceptedAt, failedAt, attempts, caller }) => {
      const actions = row.cells[4]?.firstElementChild ?? leadActions(id);
      cells(row, [time(acceptedAt), time(failedAt), caller, attempts, actions]);
    },
  );
}

function leadActions(id) {
  const path = `outbox/leads/${encodeURIComponent(id)}`;
  const actions = element('div', null, { className: 'row' });
  actions.append(
    action('Open', `Open lead ${id}`, () => openLead(path, id)),
    action('Retry', `Retry lead ${id}`, async () => {
      await change(`${path}/retry`, 'POST');
      say('The lead is tried again.');
    }),
    action('Discard', `Discard lead ${id}`, async () => {
      if (!confirm('Discard this lead for good?')) return;
      await change(path, 'DELETE');
      say('The lead was discarded.');
    }),
  );
  return actions;
}

async function openLead(path, id) {
  const { json } = await ask(path);
  $('failed-lead').hidden = false;
  $('failed-lead-heading').textContent = `Lead ${id}`;
  $('failed-lead-body').textContent = JSON.stringify(json, null, 2);
  $('failed-lead-heading').focus();
}

function action(text, label, work) {
  const button = element('button', text, { type: 'button' });
  button.setAttribute('aria-label', label);
  button.addEventListener('click', () => void run(work));
  return button;
}

/** One change at a time: a second click does nothing. */
async function run(work) {
  if (isBusy) return;
  isBusy = true;
  try {
    await work();
    await showOutbox(true);
  } catch (error) {
    say(`That failed: ${error.message}`);
  } finally {
    isBusy = false;
  }
}

async function change(path, method, body) {
  const sent = body !== undefined && {
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  };
  const { status, json } = await ask(path, { method, ...sent });
  if (status >= 400) throw new Error(json.detail);
  return json;
}

$('failed-lead-close').addEventListener('click', () => {
  $('failed-lead').hidden = true;
  $('failed-heading').focus();
});
