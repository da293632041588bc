// The outbox's part of the page.
import { $ } from './page-parts.js';

export async function showOutbox(outbox) {
  $('outbox').hidden = outbox === null;
}
