import { requestOf } from './request.js';
import { LANGUAGES } from './samples.js';

/** Shows an operation's request as a program, with a tab for each language (WAI-ARIA APG, tabs). */
export function codeSamples(system, needsKey) {
  const { React, getStore } = system;
  const h = React.createElement;

  return function CodeSamples({ path, method }) {
    const [selected, select] = React.useState(0);
    const [copied, setCopied] = React.useState(false);
    const text = React.useRef(null);
    const store = getStore();
    // Everything typed into the form changes the store.
    React.useSyncExternalStore(store.subscribe, store.getState);
    const request = requestOf(system.getSystem(), path, method, needsKey);
    const language = LANGUAGES[selected];
    const name = `samples-${method}-${path}`.replaceAll(/[^\w-]/g, '_');

    const choose = (index) => {
      select(index);
      setCopied(false);
    };
    const onKeyDown = (event) => {
      const last = LANGUAGES.length - 1;
      const next = {
        ArrowRight: selected === last ? 0 : selected + 1,
        ArrowLeft: selected === 0 ? last : selected - 1,
        Home: 0,
        End: last,
      }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      choose(next);
      event.currentTarget.children[next].focus();
    };
    const tabs = LANGUAGES.map(({ id, title }, index) =>
      h(
        'button',
        {
          key: id,
          type: 'button',
          role: 'tab',
          id: `${name}-${id}`,
          'aria-selected': index === selected,
          'aria-controls': name,
          tabIndex: index === selected ? 0 : -1,
          onClick: () => choose(index),
        },
        title,
      ),
    );
    return h(
      'section',
      { className: 'code-samples', 'aria-label': 'Code samples' },
      h('h4', null, 'Code'),
      h('div', { role: 'tablist', 'aria-label': 'Sample language', onKeyDown }, tabs),
      h(
        'div',
        { role: 'tabpanel', id: name, 'aria-labelledby': `${name}-${language.id}`, tabIndex: 0 },
        request === null
          ? h('p', null, 'Fill in the fields above.')
          : h('pre', { className: 'code-sample' }, h('code', { ref: text }, language.write(request))),
        h(
          'button',
          {
            type: 'button',
            className: 'btn copy-sample',
            disabled: request === null,
            onClick: () => copy(text.current).then(setCopied),
          },
          copied ? 'Copied' : 'Copy',
        ),
        h('span', { role: 'status', className: 'unseen' }, copied ? 'Code copied.' : ''),
      ),
    );
  };
}

/** Returns whether it worked. Pages without TLS have no clipboard API, but can copy a selection. */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    globalThis.getSelection().selectAllChildren(element);
    return document.execCommand('copy');
  }
}
