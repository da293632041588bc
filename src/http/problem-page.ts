import type { ErrorCode } from '../leads/errors.ts';
import { escapeHtml } from './escape-html.ts';
import { PROBLEM_TYPES, problemUrl } from './problem-types.ts';

/** The page that explains a problem to a person, at the address that is the problem's `type`. */
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
<dt>Try again?</dt><dd>${retryable ? 'Usually yes' : 'Usually no'}; the member <code>retryable</code> of the problem says it for your request.</dd>
</dl>
<p><a href="../docs">All operations</a></p>
</main>
</body>
</html>
`;
}
