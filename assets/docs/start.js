/**
 * Starts Swagger UI. Requests go to the page's own address, whatever the document says: the Content-Security-Policy allows
 * no other. The validator is off because it would send the document to another host.
 *
 * Adds what Swagger UI lacks: names for its fields (WCAG 2.2, 4.1.2), no link inside a button, and dark colours if the
 * browser prefers them.
 */
import { layout } from './layout.js';
import { pageSpec, firstForm } from './page-spec.js';

const NAMES = {
  'textarea.body-param__text': 'Request body',
  '.examples-select-element': 'Example',
  '.content-type': 'Media type',
  '.modal-ux': 'Credentials',
  '.close-modal': 'Close credentials',
  // The visible label is the name (WCAG 2.2, 2.5.3).
  '.modal-btn.authorize': 'Authorize',
  '.modal-btn[aria-label="Remove authorization"]': 'Logout',
};

const nameFields = (page) => {
  for (const [selector, name] of Object.entries(NAMES))
    for (const field of page.querySelectorAll(selector)) field.setAttribute('aria-label', name);
  for (const row of page.querySelectorAll('tr[data-param-name]'))
    for (const field of row.querySelectorAll('select, input'))
      field.setAttribute('aria-label', row.dataset.paramName);
  const dialog = page.querySelector('.modal-ux');
  dialog?.setAttribute('role', 'dialog');
  dialog?.setAttribute('aria-modal', 'true');
};

// The button around the text opens the operation and sets the address.
const textOnly =
  (_link, { React }) =>
  ({ text }) =>
    React.createElement('span', null, text);

const dark = matchMedia('(prefers-color-scheme: dark)');
const followScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followScheme);
followScheme();

const page = document.querySelector('#swagger-ui');
new MutationObserver(() => nameFields(page)).observe(page, { childList: true, subtree: true });

const response = await fetch('openapi.json');
const spec = pageSpec(await response.json(), new URL('.', location.href).href.replace(/[/]$/, ''));
const needsKey = page.dataset.needsKey === 'true';
const ui = globalThis.SwaggerUIBundle({
  spec,
  dom_id: '#swagger-ui',
  plugins: [() => ({ wrapComponents: { DeepLink: textOnly } }), layout(needsKey)],
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // Models are folded; the first form is open unless the address names an operation.
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  onComplete: () => {
    const form = firstForm(spec);
    if (form && location.hash === '') ui.layoutActions.show(['operations', form.tag, form.operationId], true);
  },
});
