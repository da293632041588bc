import { expect, test } from 'vitest';
import { atOnce } from '../../../src/text/sliced.ts';
import { mapLead } from '../../../src/http/forms/map-lead.ts';

// Each of them went through all the blanks: a mebibyte for ten pointers held the event loop for a tenth of a second, and
// these for longer than a test may take.
test('many pointers through a long text look at it once', () => {
  const attributes = Object.fromEntries(
    Array.from({ length: 1000 }, (_, at) => [`A${at}`, `/payload/field${at}`]),
  );
  const { body } = atOnce(
    mapLead({ email: '/email', attributes }, { email: 'a@b.c', payload: ' '.repeat(20_000_000) }),
  );
  expect(body).toEqual({ email: 'a@b.c' });
});

test('a text with JSON behind blanks is still followed', () => {
  const { body } = atOnce(mapLead({ email: '/payload/email' }, { payload: ' \n\t{"email":"a@b.c"}' }));
  expect(body).toEqual({ email: 'a@b.c' });
});
