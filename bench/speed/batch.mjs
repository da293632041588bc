// What a batch of 300 leads with 10 attributes each costs where it holds the event loop: writing the envelope and
// reading the answer.
import { readSyncMultipleLeadsReply } from '../../dist/marketo-soap/reply.js';
import { writeSyncMultipleLeads } from '../../dist/marketo-soap/envelope.js';
import { readSyncMultipleLeadsReplyFast } from '../../dist/marketo-soap/reply-fast-path.js';
import { measure } from './measure.mjs';

const LEADS = 300;

const leads = Array.from({ length: LEADS }, (_, lead) => ({
  email: `jane.${lead}@example.com`,
  attributes: Array.from({ length: 10 }, (_none, index) => ({
    name: `Attribute${index}`,
    value: index === 9 ? lead : `value ${lead} <${index}> of R&D`,
  })),
  returnLead: false,
}));
const signature = {
  userId: 'demo17_1_809934544BFABAE58E5D27',
  requestTimestamp: '2013-08-01T18:22:30-07:00',
  requestSignature: 'b5e21953ae9f1b263e644da5eccce9ff33802513',
};
const statuses = leads
  .map(
    (_, lead) =>
      `<syncStatus><leadId>${1089965 + lead}</leadId><status>UPDATED</status><error xsi:nil="true"/></syncStatus>`,
  )
  .join('');
const answer = Buffer.from(
  `<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="http://www.marketo.com/mktows/"><SOAP-ENV:Body><ns1:successSyncMultipleLeads><result><syncStatusList>${statuses}</syncStatusList></result></ns1:successSyncMultipleLeads></SOAP-ENV:Body></SOAP-ENV:Envelope>\n`,
);

const write = measure(() => writeSyncMultipleLeads(leads, signature));
const read = measure(() => {
  // As the client does.
  const reply = readSyncMultipleLeadsReplyFast(answer) ?? readSyncMultipleLeadsReply(answer, 'text/xml');
  if (reply.records?.length !== LEADS) throw new Error('the answer was not read');
});
/** One lead refused with words in CDATA is enough for the other reader. */
const unusual = Buffer.from(
  String(answer).replace(
    'UPDATED</status><error xsi:nil="true"/>',
    'FAILED</status><error><![CDATA[R&D]]></error>',
  ),
);
const readUnusual = measure(() => readSyncMultipleLeadsReply(unusual, 'text/xml'));
console.log(
  JSON.stringify({
    leads: LEADS,
    write,
    read,
    readUnusual,
    usPerLead: ((write.medianMs + read.medianMs) / LEADS) * 1000,
  }),
);
