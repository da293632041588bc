// Small parts of the page. Text goes into text nodes only.

export const $ = (id) => document.getElementById(id);

export function element(tag, text, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  if (text !== undefined && text !== null) made.textContent = String(text);
  return made;
}

export function time(iso) {
  const made = element('time', new Date(iso).toLocaleString());
  made.dateTime = iso;
  return made;
}

export function say(text) {
  $('announcement').textContent = text;
}

// An item keeps its row while it is shown, so that focus and selection survive an update.
export function showRows(body, items, keyOf, fill) {
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  // On a phone each cell shows the name of its column.
  const names = [...body.parentElement.tHead.rows[0].cells].map((cell) => cell.textContent);
  let before = body.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const row = known.get(key) ?? element('tr');
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
