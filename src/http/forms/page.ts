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

/** Shown when a form was refused and its key has no `errorUrl`. Not all that can be wrong is for visitors to correct. */
export function refusedPage(problem: Problem): string {
  const { title, requestId, retryable } = problem;
  const request = `<p>Request <code>${escapeHtml(requestId)}</code></p>`;
  if (retryable || isForVisitor(problem)) {
    const advice = retryable
      ? 'Please go back and send the form again in a moment.'
      : 'Please go back and correct the form.';
    return page(title, `${reasons(problem)}<p>${advice}</p>\n${request}`);
  }
  return page(
    'The form was not sent',
    `<p>The form is not set up as it should be. Please tell the people whose page it is on.</p>
<details><summary>For them: ${escapeHtml(title)}</summary>
${reasons(problem)}</details>
${request}`,
  );
}

/** Whether the visitor has entered what is wrong, and not the page. */
function isForVisitor({ type }: Problem): boolean {
  return /\/(?:validation-failed|lead-rejected)$/.test(type);
}

function reasons({ detail, errors = [] }: Problem): string {
  const listed = errors
    .slice(0, MAX_LISTED)
    .map(
      ({ pointer, detail: what }) => `<dt>${escapeHtml(nameOf(pointer))}</dt><dd>${escapeHtml(what)}</dd>`,
    );
  const list = listed.length > 0 ? `<dl>\n${listed.join('\n')}\n</dl>\n` : '';
  return `<p>${escapeHtml(detail)}</p>\n${list}`;
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
