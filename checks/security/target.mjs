// What is attacked, and how requests are sent to it that no client library would send.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { join } from 'node:path';
import { hashKey, writeKey } from '../../dist/access/api-key.js';
import { startDemo, temporaryFolder } from '../processes.mjs';
import { createIssuer } from './issuer.mjs';

export const newKey = (kind = 'secret') => writeKey(kind, randomBytes(32));

/** A page that the publishable key is for. */
export const ORIGIN = 'https://www.example.com';

/** A key file of these entries, each with its `key`; gives the path. */
export function writeKeyFile(entries) {
  const path = join(temporaryFolder(), 'keys.json');
  const keys = entries.map(({ key, ...entry }) => ({ hash: hashKey(key), ...entry }));
  writeFileSync(path, JSON.stringify({ keys }), { mode: 0o600 });
  return path;
}

/** A gateway with a sandbox, a key of each kind and an identity provider; what is wrong costs an address nothing. */
export async function startOwnTarget() {
  const issuer = await createIssuer();
  const keys = { limited: newKey(), full: newKey(), publishable: newKey('publishable') };
  const all = { workspaces: ['*'], attributes: ['*'], returnLead: true, byId: true, byForeignId: true };
  const gateway = await startDemo({
    API_KEYS_FILE: writeKeyFile([
      { name: 'limited', key: keys.limited, kind: 'secret', attributes: ['FirstName'] },
      { name: 'full', key: keys.full, kind: 'secret', ...all, metrics: true },
      {
        name: 'page',
        key: keys.publishable,
        kind: 'publishable',
        origins: [ORIGIN],
        attributes: ['FirstName'],
      },
    ]),
    JWT_ISSUER: issuer.settings.issuer,
    JWT_AUDIENCE: issuer.settings.audience,
    JWT_JWKS_URL: issuer.url,
    AUTH_FAILURES_PER_MINUTE: '1000000',
  });
  return { url: gateway.url, sandboxUrl: gateway.sandboxUrl, gateway, issuer, keys, key: keys.full };
}

/** Sends one request on a connection of its own, its path and headers as they are; rejects when there is no answer. */
export function send(url, path, { method = 'GET', headers = {}, body } = {}) {
  const { protocol, hostname, port } = new URL(url);
  const options = { host: hostname.replaceAll(/[[\]]/g, ''), port, path, method, headers, agent: false };
  return new Promise((resolve, reject) => {
    const outgoing = (protocol === 'https:' ? requestTls : request)(options, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      incoming.on('end', () => resolve({ status: incoming.statusCode, headers: incoming.headers, text }));
      incoming.on('error', reject);
    });
    outgoing.on('error', reject).end(body);
  });
}

/** `PUT /leads` of a value, or of bytes as they are. */
export function putLead(url, lead, headers = {}) {
  const body = typeof lead === 'string' || Buffer.isBuffer(lead) ? lead : JSON.stringify(lead);
  return send(url, '/leads', {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
    body,
  });
}

export const bearer = (key) => ({ authorization: `Bearer ${key}` });

/** Fails unless every row, made by `outcome`, is what it should be; names those that are not. */
export function expectAll(rows, isRight) {
  const wrong = rows.filter((row) => !isRight(row)).map((row) => row.join(' '));
  const more = wrong.length > 3 ? ` and ${wrong.length - 3} more` : '';
  if (wrong.length > 0) throw new Error(wrong.slice(0, 3).join('; ') + more);
}
