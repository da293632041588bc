import { escapeHtml } from '../../text/html.ts';
import { pathOf } from '../../text/json.ts';
import type { Problem } from '../problems/problem.ts';

/** Shown after a form was sent with a key that has no `successUrl`. */
export const THANKS_PAGE = page(
  'Thank you',
  '<p>Your details have been received. You can close this page.</p>',
);

/** A person can correct no more than this. */
const MAX_LISTED = 20;

/** Shown when a form was refused and its key has no `errorUrl`. */
export function refusedPage({ title, detail, errors = [], requestId, retryable }: Problem): string {
  const listed = errors
    .slice(0, MAX_LISTED)
    .map(
      ({ pointer, detail: what }) => `<dt>${escapeHtml(nameOf(pointer))}</dt><dd>${escapeHtml(what)}</dd>`,
    );
  return page(
    title,
    `<p>${escapeHtml(detail)}</p>
${listed.length > 0 ? `<dl>\n${listed.join('\n')}\n</dl>\n` : ''}<p>${retryable ? 'Please go back and send the form again in a moment.' : 'Please go back and correct the form.'}</p>
<p>Request <code>${escapeHtml(requestId)}</code></p>`,
  );
}

/** A field's name from its pointer; `#` is the form. */
function nameOf(pointer: string): string {
  if (pointer === '#') return 'The form';
  return pathOf(pointer).join('/');
}

/** Addresses are relative, so that the page also works behind a proxy that adds a prefix. */
function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" type="image/png" sizes="32x32" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/page.css">
</head>
<body>
<main class="page">
<h1>${escapeHtml(title)}</h1>
${content}
</main>
</body>
</html>
`;
}
