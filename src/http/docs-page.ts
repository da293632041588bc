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
<div id="swagger-ui"></div>
<noscript><p class="notice">The page needs JavaScript. The same as plain text: <a href="openapi.json">openapi.json</a></p></noscript>
</body>
</html>
`;
}

/** The script that starts Swagger UI. No validator: it would send the document to another host. */
export const DOCS_SCRIPT = `window.ui = SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
`;

/** The style of our own pages. */
export const PAGE_STYLE = `body { margin: 0; background: #fafafa; color: #222; font: 1rem/1.5 system-ui, sans-serif; }
.notice { margin: 0; padding: 0.75rem 1.25rem; background: #fff3cd; }
main { max-width: 42rem; margin: 0 auto; padding: 2rem 1.25rem; }
h1 { line-height: 1.25; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
`;
