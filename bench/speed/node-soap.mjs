// The usual way: express, its JSON reader, and a client node-soap made of the WSDL. No validation, no logs.
import { createHmac } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import express from 'express';
import soap from 'soap';

const WSDL = fileURLToPath(new URL('../../assets/wsdl/mktows.wsdl', import.meta.url));
const NAMESPACE = 'http://www.marketo.com/mktows/';
const USER = 'demo17_1_809934544BFABAE58E5D27';

const client = await soap.createClientAsync(WSDL, { endpoint: `${process.env.UPSTREAM}/soap/mktows/2_9` });

function credentials() {
  const requestTimestamp = `${new Date().toISOString().slice(0, 19)}+00:00`;
  const requestSignature = createHmac('sha1', '27272727aa')
    .update(requestTimestamp + USER)
    .digest('hex');
  return { AuthenticationHeader: { mktowsUserId: USER, requestSignature, requestTimestamp } };
}

const app = express();
app.use(express.json());
app.put('/leads', async (req, res) => {
  const { email, attributes = {} } = req.body;
  client.clearSoapHeaders();
  client.addSoapHeader(credentials(), '', 'ns1', NAMESPACE);
  const attribute = Object.entries(attributes).map(([attrName, attrValue]) => ({ attrName, attrValue }));
  const [{ result }] = await client.syncLeadAsync({
    leadRecord: { Email: email, leadAttributeList: { attribute } },
    returnLead: false,
  });
  res.json({ leadId: result.leadId, status: result.syncStatus.status });
});
const server = app.listen(0, '127.0.0.1', () => process.send?.(server.address().port));
server.keepAliveTimeout = 600_000;
