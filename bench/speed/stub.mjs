// The upstream of the comparison: answers every POST with the same successSyncLead, as the vendor's server wrote it. On
// bare sockets, for it shares a core with the load: with node:http that core was full before the relay's was.
import { createServer } from 'node:net';

const REPLY = Buffer.from(
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="http://www.marketo.com/mktows/"><SOAP-ENV:Body><ns1:successSyncLead><result><leadId>1089965</leadId><syncStatus><leadId>1089965</leadId><status>UPDATED</status><error xsi:nil="true"/></syncStatus><leadRecord xsi:nil="true"/></result></ns1:successSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>\n',
);
const ANSWER = Buffer.concat([
  Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nDate: ${new Date().toUTCString()}\r\nContent-Length: ${REPLY.length}\r\n\r\n`,
  ),
  REPLY,
]);
const END_OF_HEAD = Buffer.from('\r\n\r\n');

const server = createServer({ noDelay: true }, (socket) => {
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const head = pending.indexOf(END_OF_HEAD);
    if (head === -1) return;
    const [, length] = /content-length: (\d+)/i.exec(pending.latin1Slice(0, head)) ?? [];
    if (pending.length < head + 4 + Number(length)) return;
    pending = Buffer.alloc(0);
    socket.write(ANSWER);
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address().port));
