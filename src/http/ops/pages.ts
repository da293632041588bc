import type { RequestHandler } from 'express';
import { escapeHtml } from '../../text/html.ts';
import { PROBLEM_TYPES, problemUrl } from '../problems/types.ts';
import type { ErrorCode } from '../../leads/errors.ts';
import { SCRIPT, serveFile, STYLE } from './files.ts';

const FOLDER = new URL('../../../assets/docs/', import.meta.url);

/** The documentation page's own files, besides Swagger UI's. */
const FILES = {
  'page.css': STYLE,
  'colours.css': STYLE,
  'layout.css': STYLE,
  'code-samples.css': STYLE,
  'start.js': SCRIPT,
  'layout.js': SCRIPT,
  'page-spec.js': SCRIPT,
  'code-samples.js': SCRIPT,
  'request.js': SCRIPT,
  'samples.js': SCRIPT,
};

/** Name → handler. A file is read when it is first requested. */
export function docsFiles(): Readonly<Record<string, RequestHandler>> {
  const handlers = Object.entries(FILES).map(
    ([file, type]) => [file, serveFile(new URL(file, FOLDER), type)] as const,
  );
  return Object.fromEntries(handlers);
}

/**
 * The page that shows the OpenAPI document in Swagger UI. The page of swagger-ui-express has inline styles, which the
 * Content-Security-Policy forbids, so only its files are used. Addresses are relative, so that the page also works behind
 * a proxy that adds a prefix.
 */
export function docsPage(options: { sandbox: boolean; needsKey: boolean }): string {
  const where = options.sandbox
    ? 'This gateway writes to its embedded sandbox. Nothing you try here reaches Marketo.'
    : 'This gateway is connected to Marketo. Leads you send from here are really written.';
  const key = options.needsKey ? ' It needs a key: enter yours under Authorize.' : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>lead-gateway API</title>
<link rel="icon" type="image/png" sizes="32x32" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/page.css">
<link rel="stylesheet" href="docs/colours.css">
<link rel="stylesheet" href="docs/layout.css">
<link rel="stylesheet" href="docs/code-samples.css">
<script src="docs/swagger-ui-bundle.js" defer></script>
<script src="docs/start.js" type="module"></script>
</head>
<body>
<header><p class="notice">${where}${key}</p></header>
<div id="swagger-ui" data-needs-key="${options.needsKey}"></div>
<noscript><p class="notice">This page needs JavaScript. The same as plain text: <a href="openapi.json">openapi.json</a></p></noscript>
<footer>
<nav class="wide" aria-label="Descriptions of the API">
<p>The same for tools: <a href="openapi.json">OpenAPI 3.1</a> · <a href="openapi-3.0.json">OpenAPI 3.0</a> · <a href="swagger.json">Swagger 2.0</a> (Power Automate, Power Apps) · for the operator: <a href="status">status</a></p>
<details>
<summary>Every problem explained</summary>
<dl>
${PROBLEMS}
</dl>
</details>
</nav>
</footer>
</body>
</html>
`;
}

/** What each problem means, with a link to its page, which says what to do. */
const PROBLEMS = Object.entries(PROBLEM_TYPES)
  .map(
    ([
      slug,
      {
        status,
        title,
        explanation: [meaning = ''],
      },
    ]) =>
      `<dt><a href="problems/${slug}"><code>${slug}</code></a> (${status}): ${escapeHtml(title)}</dt>\n<dd>${escapeHtml(meaning)}</dd>`,
  )
  .join('\n');

/** The page that explains a problem to a person; its address is the problem's `type`. */
export function problemPage(code: ErrorCode, baseUrl: string): string {
  const { status, title, retryable, explanation } = PROBLEM_TYPES[code];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} – lead-gateway</title>
<link rel="icon" type="image/png" sizes="32x32" href="../docs/favicon-32x32.png">
<link rel="stylesheet" href="../docs/page.css">
</head>
<body>
<main class="page">
<h1>${escapeHtml(title)}</h1>
${explanation.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`).join('\n')}
<dl>
<dt>Type</dt><dd><code>${escapeHtml(problemUrl(code, baseUrl))}</code></dd>
<dt>Status</dt><dd>${status}</dd>
<dt>Try again?</dt><dd>${retryable ? 'Usually yes' : 'Usually no'}; the member <code>retryable</code> of the problem says whether it helps for your request.</dd>
</dl>
<p><a href="../docs">All operations</a></p>
</main>
</body>
</html>
`;
}
