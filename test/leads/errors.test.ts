import { expect, test } from 'vitest';
import { GatewayError } from '../../src/leads/errors.ts';

test('an error with some details replaced keeps all the others', () => {
  const cause = new Error('inside');
  const details = {
    detail: 'No.',
    errors: [{ pointer: '#/email', detail: 'is wrong' }],
    upstream: { code: 7, message: 'no' },
    retryable: true,
    retryAfterSeconds: 3,
    cause,
  };
  const error = new GatewayError('lead-rejected', details);
  expect(error.with({})).toMatchObject({ code: 'lead-rejected', message: 'lead-rejected: No.', ...details });
  const errors = [{ pointer: '#/attributeList/0', detail: 'is wrong' }];
  expect(error.with({ errors, upstream: undefined })).toMatchObject({
    ...details,
    errors,
    upstream: undefined,
  });
});
