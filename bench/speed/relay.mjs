// What nothing can be faster than: reads the request, sends a fixed envelope through an undici Pool, hands the answer
// back, and understands nothing of either.
import { createServer } from 'node:http';
import { Pool } from 'undici';

const pool = new Pool(process.env.UPSTREAM, { connections: 64 });
const envelope = `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="http://www.marketo.com/mktows/"><SOAP-ENV:Header><ns1:AuthenticationHeader><mktowsUserId>demo17_1_809934544BFABAE58E5D27</mktowsUserId><requestSignature>b5e21953ae9f1b263e644da5eccce9ff33802513</requestSignature><requestTimestamp>2013-08-01T18:22:30-07:00</requestTimestamp></ns1:AuthenticationHeader></SOAP-ENV:Header><SOAP-ENV:Body><ns1:paramsSyncLead><leadRecord><Email>jane@example.com</Email><leadAttributeList>${'<attribute><attrName>CustomField1</attrName><attrValue>some words 1</attrValue></attribute>'.repeat(Number(process.env.ATTRIBUTES))}</leadAttributeList></leadRecord><returnLead>false</returnLead></ns1:paramsSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>`;
const headers = {
  'content-type': 'text/xml; charset=utf-8',
  soapaction: '"http://www.marketo.com/mktows/syncLead"',
};

const server = createServer((req, res) => {
  req.resume();
  req.on('end', () => {
    const chunks = [];
    pool.dispatch(
      { path: '/soap/mktows/2_9', method: 'POST', headers, body: envelope },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData(_controller, chunk) {
          chunks.push(chunk);
        },
        onResponseEnd() {
          const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
          res.writeHead(200, { 'Content-Type': 'text/xml; charset=utf-8', 'Content-Length': body.length });
          res.end(body);
        },
        onResponseError() {
          res.writeHead(502);
          res.end();
        },
      },
    );
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => process.send?.(server.address().port));
