// The upstream of the comparison by REST: a token, the fields of the load's leads, and `updated` for every lead.
import { listen, occurrences, written } from './socket-server.mjs';
import { FIELDS } from './rest-fields.mjs';

const MAX_BATCH = 300;

function answer(json) {
  return written('application/json;charset=UTF-8', json);
}

const success = (result) => answer(`{"requestId":"3f1a#199c82cc400","result":[${result}],"success":true}`);
const token = answer(
  '{"access_token":"6f0c1b9e-52b3-4d2c-9f1c-0f6f0b8f0a11:lon","token_type":"bearer","expires_in":3599,"scope":"api@example.com"}',
);
const fields = success(FIELDS.map((field) => JSON.stringify(field)).join(','));
const usage = success('{"date":"2026-11-26","total":0,"users":[]}');
const RECORD = '{"id":1089965,"status":"updated"}';
const many = Array.from({ length: MAX_BATCH + 1 }, (_, leads) =>
  success(Array(leads).fill(RECORD).join(',')),
);
const LEAD = Buffer.from('{"email":');

listen((head, request) => {
  if (head.startsWith('POST /rest/v1/leads.json ')) {
    const leads = occurrences(request, LEAD);
    return { reply: many[leads], leads };
  }
  if (head.startsWith('POST /identity/')) return { reply: token, leads: 0 };
  return { reply: head.includes('/stats/usage.json') ? usage : fields, leads: 0 };
});
