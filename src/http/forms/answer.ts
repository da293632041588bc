import type { RequestHandler, Response } from 'express';
import { MAX_MEDIA_TYPES } from '../media-type.ts';
import type { Problem } from '../problems/problem.ts';
import { contextOf } from '../request-context.ts';
import { respond, respondEmpty, setHeader } from '../respond.ts';
import { refusedPage, THANKS_PAGE } from './page.ts';

/** Answers a browser's form post with a page (docs/forms.md#answers); everything else is answered with JSON. */
export const answerBrowsers: RequestHandler = (req, res, next) => {
  if (prefersHtml(req.headers.accept)) contextOf(res).answer = answerWithPage;
  next();
};

/**
 * Sends the browser to the key's own page, or shows a page of ours. The target comes from the key file and never from the
 * request, so this is not an open redirect (CWE-601).
 */
function answerWithPage(res: Response, status: number, problem: Problem | undefined): void {
  const { caller, problem: slug } = contextOf(res);
  const { successUrl, errorUrl } = caller?.posting ?? {};
  const target = problem === undefined ? successUrl : errorUrl && withProblem(errorUrl, slug ?? '');
  setHeader(res, 'Cache-Control', 'no-store');
  if (target === undefined) {
    const page = problem === undefined ? THANKS_PAGE : refusedPage(problem);
    respond(res, status, 'text/html; charset=utf-8', page);
    return;
  }
  setHeader(res, 'Location', target);
  setHeader(res, 'Content-Length', 0);
  respondEmpty(res, 303);
}

/** Tells the page which problem it was, and nothing about the person. */
function withProblem(errorUrl: string, slug: string): string {
  const url = new URL(errorUrl);
  url.searchParams.set('problem', slug);
  return url.href;
}

/** Whether a page is preferred to JSON, by the qualities of `Accept` (RFC 9110, 12.5.1). */
export function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined || accept.length > MAX_MEDIA_TYPES || !/text\/(?:html|\*)/i.test(accept))
    return false;
  const ranges = accept.split(',').map(readRange);
  return qualityOf(ranges, 'text', 'html') > qualityOf(ranges, 'application', 'json');
}

type Range = { readonly type: string; readonly quality: number };

function readRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice('q='.length) ?? '1';
  return { type, quality: /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0 };
}

/** Of the most specific range that fits. */
function qualityOf(ranges: readonly Range[], type: string, subtype: string): number {
  for (const wanted of [`${type}/${subtype}`, `${type}/*`, '*/*']) {
    const found = ranges.find((range) => range.type === wanted);
    if (found !== undefined) return found.quality;
  }
  return 0;
}
