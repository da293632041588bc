/**
 * The script that starts Swagger UI. Requests go to where the page itself came from, whatever address the document
 * names: the content security policy allows no other. No validator: it would send the document to another host.
 *
 * What Swagger UI leaves out is put in: names for its fields (WCAG 2.2, 4.1.2), no link inside a button, and its dark
 * colours for whoever asks for dark pages.
 */
export const DOCS_SCRIPT = `const NAMES = {
  '#servers': 'Server',
  'textarea.body-param__text': 'Body of the request',
  '.examples-select-element': 'Example',
  '.content-type': 'Media type',
};

const nameFields = (page) => {
  for (const [selector, name] of Object.entries(NAMES))
    for (const field of page.querySelectorAll(selector)) field.setAttribute('aria-label', name);
};

// The button around it opens the operation and writes its address.
const textOnly = (_link, { React }) => ({ text }) => React.createElement('span', null, text);

const dark = matchMedia('(prefers-color-scheme: dark)');
const followScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followScheme);
followScheme();

const page = document.querySelector('#swagger-ui');
new MutationObserver(() => nameFields(page)).observe(page, { childList: true, subtree: true });

fetch('openapi.json').then((response) => response.json()).then((spec) => {
  const url = new URL('.', location.href).href.replace(/[/]$/, '');
  window.ui = SwaggerUIBundle({
    spec: { ...spec, servers: [{ url }] },
    dom_id: '#swagger-ui',
    plugins: [() => ({ wrapComponents: { DeepLink: textOnly } })],
    deepLinking: true,
    displayRequestDuration: true,
    validatorUrl: null,
  });
});
`;
