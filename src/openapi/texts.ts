/** Texts about the API as a whole. */
export const TITLE = 'lead-gateway';
export const SUMMARY = "Put leads into Marketo's SOAP API with one JSON request.";
export const LICENSE_URL = 'https://spdx.org/licenses/MIT.html';

export const DESCRIPTION = [
  'One operation, `PUT /leads`, inserts or updates a lead in Marketo.',
  'Errors are problem documents (RFC 9457): `title` and `detail` say what to do, `retryable` says whether the same request can succeed later, and `type` links to a page with more.',
  'A gateway that authenticates its callers needs a key, as `Authorization: Bearer` or `X-API-Key`, or a JWT of its identity provider. A gateway without keys, for example on your own machine, accepts requests without credentials.',
  'Any other path answers 404 with the problem `not-found`. HEAD works wherever GET does.',
].join('\n\n');

/** The same in 300 characters, for the screens of low-code tools. */
export const SHORT_DESCRIPTION =
  'Inserts or updates a lead in Marketo with one JSON request. Errors are problem documents (RFC 9457): title and detail say what to do, retryable says whether the same request can succeed later.';

export const BEARER_NOTE =
  'A key (`lgs_…` or `lgp_…`), or a JWT of the identity provider the gateway trusts.';
export const KEY_NOTE = 'A key (`lgs_…` or `lgp_…`).';

/** A placeholder where a description must have an address. */
export const EXAMPLE_SERVER = 'https://leads.example.com';
