// What nothing can be faster than: reads the request, sends a fixed call through an undici Pool, hands the answer
// back, and understands nothing of either.
import { createServer } from 'node:http';
import { Pool } from 'undici';

const isRest = process.env.UPSTREAM_API === 'rest';
const attributes = Number(process.env.ATTRIBUTES);
const pool = new Pool(process.env.UPSTREAM, { connections: 64 });
const envelope = `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="http://www.marketo.com/mktows/"><SOAP-ENV:Header><ns1:AuthenticationHeader><mktowsUserId>demo17_1_809934544BFABAE58E5D27</mktowsUserId><requestSignature>b5e21953ae9f1b263e644da5eccce9ff33802513</requestSignature><requestTimestamp>2013-08-01T18:22:30-07:00</requestTimestamp></ns1:AuthenticationHeader></SOAP-ENV:Header><SOAP-ENV:Body><ns1:paramsSyncLead><leadRecord><Email>jane@example.com</Email><leadAttributeList>${'<attribute><attrName>CustomField1</attrName><attrValue>some words 1</attrValue></attribute>'.repeat(attributes)}</leadAttributeList></leadRecord><returnLead>false</returnLead></ns1:paramsSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>`;
const soap = {
  path: '/soap/mktows/2_9',
  headers: {
    'content-type': 'text/xml; charset=utf-8',
    soapaction: '"http://www.marketo.com/mktows/syncLead"',
  },
  body: envelope,
};
const rest = {
  path: '/rest/v1/leads.json',
  headers: {
    'content-type': 'application/json',
    authorization: 'Bearer 6f0c1b9e-52b3-4d2c-9f1c-0f6f0b8f0a11:lon',
  },
  body: `{"action":"createOrUpdate","lookupField":"email","input":[{"email":"jane@example.com"${',"customField1":"some words 1"'.repeat(attributes)}}]}`,
};
const call = { method: 'POST', ...(isRest ? rest : soap) };
const contentType = isRest ? 'application/json' : 'text/xml; charset=utf-8';

const server = createServer((req, res) => {
  req.resume();
  req.on('end', () => {
    const chunks = [];
    pool.dispatch(call, {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData(_controller, chunk) {
        chunks.push(chunk);
      },
      onResponseEnd() {
        const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
        res.writeHead(200, { 'Content-Type': contentType, 'Content-Length': body.length });
        res.end(body);
      },
      onResponseError() {
        res.writeHead(502);
        res.end();
      },
    });
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => process.send?.(server.address().port));
