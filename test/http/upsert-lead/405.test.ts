import { describe, expect, test } from 'vitest';
import { startApp, unreachable } from '../../support/app.ts';
import { send, problemType } from '../../support/client.ts';

describe('/leads answers 405 with Allow', () => {
  test.each(['PATCH', 'DELETE', 'TRACE', 'PROPFIND'])('to %s', async (method) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await send(url, '/leads', { method });
    expect(answer.status).toBe(405);
    expect(answer.headers['allow']).toBe('GET, HEAD, PUT, POST, OPTIONS');
    expect(answer.json).toMatchObject({
      type: problemType('method-not-allowed'),
      detail: `${method} is not possible here; use GET, HEAD, PUT or POST.`,
    });
  });
});
