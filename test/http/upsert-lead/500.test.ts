import { describe, expect, test } from 'vitest';
import { directoryThat, startApp } from '../../support/app.ts';
import { putLead, problemType } from '../../support/client.ts';

describe('PUT /leads answers 500 internal-error', () => {
  const defect = new TypeError('Cannot read "jane@example.com" with the key s3cret', {
    cause: new Error('inner s3cret'),
  });

  test.each<[string, unknown]>([
    ['an unforeseen error', defect],
    ['a thrown text', 's3cret'],
    ['a thrown null', null],
    [
      'an error with a status of its own',
      Object.assign(new Error('s3cret'), { status: 404, statusCode: 404 }),
    ],
  ])('after %s, without a word of it', async (_what, thrown) => {
    const app = await startApp({
      directory: directoryThat(() => {
        throw thrown;
      }),
    });
    const answer = await putLead(app.url, { email: 'jane@example.com' });
    expect(answer.json).toEqual({
      type: problemType('internal-error'),
      title: 'The gateway failed because of a defect',
      status: 500,
      detail: 'The gateway failed because of a defect; its log has an entry with this request id.',
      requestId: 'request-1',
      retryable: false,
    });
    expect(app.logLines.join('')).not.toMatch(/s3cret|jane/);
  });

  test('and logs where it came from', async () => {
    const app = await startApp({
      directory: directoryThat(() => {
        throw defect;
      }),
    });
    await putLead(app.url, { email: 'jane@example.com' });
    const [entry] = app.log();
    expect(entry).toMatchObject({
      level: 'error',
      requestId: 'request-1',
      problem: 'internal-error',
      err: { name: 'TypeError', cause: { name: 'Error' } },
    });
    expect(entry).toHaveProperty(['err', 'stack', 0], expect.stringMatching(/500\.test\.ts/));
  });
});
