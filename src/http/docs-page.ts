import { PROBLEM_TYPES } from './problem-types.ts';

/**
 * The page that shows the OpenAPI document in Swagger UI. swagger-ui-express can write such a page itself, but with
 * inline style, which the Content-Security-Policy forbids; so only the program's files are taken from it. Addresses
 * are relative, so that the page also works behind a proxy that adds a prefix.
 */
export function docsPage(options: { sandbox: boolean }): string {
  const notice = options.sandbox
    ? '<p class="notice">This gateway writes into its embedded sandbox. Nothing you try here reaches Marketo.</p>'
    : '<p class="notice">This gateway is connected to Marketo. Leads you try here are really written.</p>';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>lead-gateway API</title>
<link rel="icon" type="image/png" sizes="32x32" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/page.css">
<script src="docs/swagger-ui-bundle.js" defer></script>
<script src="docs/start.js" defer></script>
</head>
<body>
${notice}
<nav aria-label="Descriptions of the API">
<p>The same for tools: <a href="openapi.json">OpenAPI 3.1</a> · <a href="openapi-3.0.json">OpenAPI 3.0</a> · <a href="swagger.json">Swagger 2.0</a> (Power Automate, Power Apps)</p>
<details>
<summary>Every problem explained</summary>
<ul>
${PROBLEMS}
</ul>
</details>
</nav>
<div id="swagger-ui"></div>
<noscript><p class="notice">The page needs JavaScript. The same as plain text: <a href="openapi.json">openapi.json</a></p></noscript>
</body>
</html>
`;
}

/** A line a problem, with the way to its page. */
const PROBLEMS = Object.entries(PROBLEM_TYPES)
  .map(
    ([slug, { status, title }]) =>
      `<li><a href="problems/${slug}"><code>${slug}</code></a> (${status}): ${title}</li>`,
  )
  .join('\n');

/**
 * The script that starts Swagger UI. Requests go to where the page itself came from, whatever address the document
 * names: the content security policy allows no other. No validator: it would send the document to another host.
 */
export const DOCS_SCRIPT = `fetch('openapi.json').then((response) => response.json()).then((spec) => {
  const url = new URL('.', location.href).href.replace(/[/]$/, '');
  window.ui = SwaggerUIBundle({
    spec: { ...spec, servers: [{ ...spec.servers[0], url }] },
    dom_id: '#swagger-ui',
    deepLinking: true,
    displayRequestDuration: true,
    validatorUrl: null,
  });
});
`;

/** The style of our own pages. */
export const PAGE_STYLE = `body { margin: 0; background: #fafafa; color: #222; font: 1rem/1.5 system-ui, sans-serif; }
.notice { margin: 0; padding: 0.75rem 1.25rem; background: #fff3cd; }
main { max-width: 42rem; margin: 0 auto; padding: 2rem 1.25rem; }
nav { padding: 0.75rem 1.25rem 0; }
nav p { margin: 0 0 0.5rem; }
h1 { line-height: 1.25; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
`;
