/** What the documents say of the API as a whole. */
export const TITLE = 'lead-gateway';
export const SUMMARY = "Put leads into Marketo's SOAP API with one JSON request.";
export const LICENSE_URL = 'https://spdx.org/licenses/MIT.html';

export const DESCRIPTION = [
  'One operation, `PUT /leads`, inserts or updates a lead in Marketo.',
  'Errors are problem documents (RFC 9457): `title` and `detail` say what to do, `retryable` whether the same request can succeed later, and `type` leads to a page with more.',
  'A gateway that authenticates its callers wants a key, as `Authorization: Bearer` or as `X-API-Key`, or a JWT of its identity provider. A gateway without keys, for example on your own machine, takes requests as they are.',
  'A path that is not listed here answers 404 with the problem `not-found`. HEAD works where GET does.',
].join('\n\n');

/** The same where a screen has room for 300 characters. */
export const SHORT_DESCRIPTION =
  'Inserts or updates a lead in Marketo with one JSON request. Errors are problem documents (RFC 9457): title and detail say what to do, retryable whether the same request can succeed later.';

export const BEARER_NOTE =
  'A key (`lgs_…` or `lgp_…`), or a JWT of the identity provider the gateway trusts.';
export const KEY_NOTE = 'A key (`lgs_…` or `lgp_…`).';

/** Where there has to be an address; whoever imports a file sets their own. */
export const EXAMPLE_SERVER = 'https://leads.example.com';
