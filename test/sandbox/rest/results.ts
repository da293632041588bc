/** What the answer to a sync has for each record, written by hand. */

export const A = 'a@example.com';
export const B = 'b@example.com';
/** The id of a sandbox's first lead. */
export const FIRST = 1000001;
export const COOKIE = 'id:123-ABC-456&token:_mch-example.com-1';

export const created = (id = FIRST) => ({ id, status: 'created' });
export const updated = (id = FIRST) => ({ id, status: 'updated' });
export const skipped = (code: string, message: string) => ({
  status: 'skipped',
  reasons: [{ code, message }],
});
export const NOT_FOUND = skipped('1004', 'Lead not found');
export const EXISTS = skipped('1005', 'Lead already exists');
export const MULTIPLE = skipped('1007', 'Multiple lead match lookup criteria');

/** Code and message of a call that was refused. */
export const errorOf = ({ json }: { json: any }) => `${json.errors?.[0].code} ${json.errors?.[0].message}`;
