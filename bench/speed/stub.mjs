// The upstream of the comparison: answers every syncLead with the same success, and every syncMultipleLeads with one for
// each of its leads, as the vendor's server wrote them. On bare sockets, since it shares a core with the load: with
// node:http that core was full before the relay's was.
import { createServer } from 'node:net';

const MAX_BATCH = 300;
const STATUS =
  '<syncStatus><leadId>1089965</leadId><status>UPDATED</status><error xsi:nil="true"/></syncStatus>';

function answer(operation, result) {
  const reply = Buffer.from(
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="http://www.marketo.com/mktows/"><SOAP-ENV:Body><ns1:${operation}><result>${result}</result></ns1:${operation}></SOAP-ENV:Body></SOAP-ENV:Envelope>\n`,
  );
  return Buffer.concat([
    Buffer.from(
      `HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nDate: ${new Date().toUTCString()}\r\nContent-Length: ${reply.length}\r\n\r\n`,
    ),
    reply,
  ]);
}

const one = answer('successSyncLead', `<leadId>1089965</leadId>${STATUS}<leadRecord xsi:nil="true"/>`);
const many = Array.from({ length: MAX_BATCH + 1 }, (_, leads) =>
  answer('successSyncMultipleLeads', `<syncStatusList>${STATUS.repeat(leads)}</syncStatusList>`),
);

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const LEAD = Buffer.from('<leadRecord>');

function leadsIn(request) {
  let leads = 0;
  for (let at = request.indexOf(LEAD); at !== -1; at = request.indexOf(LEAD, at + LEAD.length)) leads += 1;
  return leads;
}

/** How long a call takes, in ms; 0: no time. */
const CALL_MS = Number(process.env.CALL_MS ?? 0);

let calls = 0;
let leads = 0;

const server = createServer({ noDelay: true }, (socket) => {
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const end = pending.indexOf(END_OF_HEAD);
    if (end === -1) return;
    const head = pending.latin1Slice(0, end);
    const [, length] = /content-length: (\d+)/i.exec(head) ?? [];
    if (pending.length < end + END_OF_HEAD.length + Number(length)) return;
    const carried = head.includes('syncMultipleLeads') ? leadsIn(pending) : undefined;
    pending = Buffer.alloc(0);
    calls += 1;
    leads += carried ?? 1;
    const reply = carried === undefined ? one : many[carried];
    if (CALL_MS === 0) socket.write(reply);
    else setTimeout(() => socket.write(reply), CALL_MS);
  });
  socket.on('error', () => socket.destroy());
});
// Any other request gets what has come since the last one.
process.on('message', () => {
  process.send({ calls, leads });
  calls = 0;
  leads = 0;
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address().port));
