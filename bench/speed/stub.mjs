// The upstream of the comparison by SOAP: answers every syncLead with the same success, and every syncMultipleLeads with
// one for each of its leads, as the vendor's server wrote them.
import { listen, occurrences, written } from './socket-server.mjs';

const MAX_BATCH = 300;
const STATUS =
  '<syncStatus><leadId>1089965</leadId><status>UPDATED</status><error xsi:nil="true"/></syncStatus>';

function answer(operation, result) {
  return written(
    'text/xml; charset=utf-8',
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="http://www.marketo.com/mktows/"><SOAP-ENV:Body><ns1:${operation}><result>${result}</result></ns1:${operation}></SOAP-ENV:Body></SOAP-ENV:Envelope>\n`,
  );
}

const one = answer('successSyncLead', `<leadId>1089965</leadId>${STATUS}<leadRecord xsi:nil="true"/>`);
const many = Array.from({ length: MAX_BATCH + 1 }, (_, leads) =>
  answer('successSyncMultipleLeads', `<syncStatusList>${STATUS.repeat(leads)}</syncStatusList>`),
);
const LEAD = Buffer.from('<leadRecord>');

listen((head, request) => {
  if (!head.includes('syncMultipleLeads')) return { reply: one, leads: 1 };
  const leads = occurrences(request, LEAD);
  return { reply: many[leads], leads };
});
