/**
 * Starts Swagger UI. Requests go to where the page itself came from, whatever address the document names: the content
 * security policy allows no other. No validator: it would send the document to another host.
 *
 * What Swagger UI leaves out is put in: names for its fields (WCAG 2.2, 4.1.2), no link inside a button, and its dark
 * colours for whoever asks for dark pages.
 */
import { layout } from './layout.js';
import { pageSpec, firstForm } from './page-spec.js';

const NAMES = {
  'textarea.body-param__text': 'Body of the request',
  '.examples-select-element': 'Example',
  '.content-type': 'Media type',
  '.modal-ux': 'Credentials',
  '.close-modal': 'Close the credentials',
  // By what stands on them (WCAG 2.2, 2.5.3).
  '.modal-btn.authorize': 'Authorize',
  '.modal-btn[aria-label="Remove authorization"]': 'Logout',
};

const nameFields = (page) => {
  for (const [selector, name] of Object.entries(NAMES))
    for (const field of page.querySelectorAll(selector)) field.setAttribute('aria-label', name);
  const dialog = page.querySelector('.modal-ux');
  dialog?.setAttribute('role', 'dialog');
  dialog?.setAttribute('aria-modal', 'true');
};

// The button around it opens the operation and writes its address.
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
  // Folded, but for the first: an address that names an operation opens that one.
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  onComplete: () => {
    const form = firstForm(spec);
    if (form && location.hash === '') ui.layoutActions.show(['operations', form.tag, form.operationId], true);
  },
});
