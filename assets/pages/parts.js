// What the sandbox's page and the status page are made of. Text goes into text nodes only.

export const $ = (id) => document.getElementById(id);

export function element(tag, text, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  if (text !== undefined && text !== null) made.textContent = String(text);
  return made;
}

/** The date as well, or the time of day with the date where the pointer rests. */
export function time(iso, ofDay = false) {
  const at = new Date(iso);
  const made = element('time', ofDay ? at.toLocaleTimeString() : at.toLocaleString());
  made.dateTime = iso;
  if (ofDay) made.title = at.toLocaleString();
  return made;
}

export function say(text) {
  $('announcement').textContent = text;
}

// An item keeps its row while it is shown, so that focus and selection survive an update.
export function showRows(body, items, keyOf, fill) {
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  const isFirst = known.size === 0;
  // On a phone each cell shows the name of its column.
  const names = [...body.parentElement.tHead.rows[0].cells].map((cell) => cell.textContent);
  let before = body.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const row = known.get(key) ?? element('tr', null, { className: isFirst ? '' : 'new' });
    row.dataset.key = key;
    known.delete(key);
    const version = JSON.stringify(item);
    if (row.dataset.version !== version) {
      row.dataset.version = version;
      fill(row, item);
      for (const [index, cell] of [...row.cells].entries()) cell.dataset.name = names[index];
    }
    if (row === before) before = row.nextElementSibling;
    else body.insertBefore(row, before);
  }
  for (const row of known.values()) row.remove();
}

export function cells(row, contents) {
  contents.forEach((content, index) => {
    const cell = row.cells[index] ?? row.insertCell();
    if (content instanceof Node) {
      if (cell.firstChild !== content) cell.replaceChildren(content);
    } else cell.textContent = content ?? '';
  });
}

/** How much of a limit is used, as a meter that keeps its place in `folder`. */
export function showBudget(folder, { id, label, used, limit }) {
  let budget = $(`budget-${id}`);
  if (!budget) {
    budget = element('div', null, { id: `budget-${id}`, className: 'budget' });
    const heading = element('label', null, { htmlFor: `meter-${id}` });
    heading.append(element('span', label), element('span'));
    budget.append(heading, element('meter', null, { id: `meter-${id}`, min: 0 }));
    folder.append(budget);
  }
  const meter = budget.lastElementChild;
  Object.assign(meter, {
    max: Math.max(limit, 1),
    low: limit * 0.7,
    high: limit * 0.9,
    optimum: 0,
    value: used,
  });
  const figures = `${used.toLocaleString()} of ${limit.toLocaleString()}`;
  const shown = budget.firstElementChild.lastElementChild;
  if (shown.textContent !== figures) shown.textContent = figures;
}
