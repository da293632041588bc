/** Answers as the vendor's server wrote them, by hand: not by our own writer. */

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';

export function envelope(body: string): string {
  return `${HEAD}<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="http://www.marketo.com/mktows/"><SOAP-ENV:Body>${body}</SOAP-ENV:Body></SOAP-ENV:Envelope>\n`;
}

export type SuccessParts = { leadId?: string; status?: string; error?: string; leadRecord?: string };

export function success({
  leadId = '1089965',
  status = 'UPDATED',
  error = '<error xsi:nil="true"/>',
  leadRecord = '<leadRecord xsi:nil="true"/>',
}: SuccessParts = {}): string {
  return envelope(
    `<ns1:successSyncLead><result><leadId>${leadId}</leadId><syncStatus><leadId>${leadId}</leadId><status>${status}</status>${error}</syncStatus>${leadRecord}</result></ns1:successSyncLead>`,
  );
}

export function fault(code: number, words = 'Refused', message = `${words} (${code})`): string {
  return envelope(
    `<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode><faultstring>${code} - ${words}</faultstring><detail><ns1:serviceException><name>mktServiceException</name><message>${message}</message><code>${code}</code></ns1:serviceException></detail></SOAP-ENV:Fault>`,
  );
}
