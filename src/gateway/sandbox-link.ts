import type { Journal } from '../observability/journal.ts';
import type { GatewayLink } from '../sandbox/control/gateway-routes.ts';

/** What the page of the embedded sandbox needs of its gateway, which listens at `url`. */
export function createSandboxLink(url: string, journal: Pick<Journal, 'answerOf'>): GatewayLink {
  return {
    url,
    answerOf: journal.answerOf,
    async send(leadJson, key) {
      const response = await fetch(`${url}/leads`, {
        method: 'PUT',
        headers: {
          'content-type': 'application/json',
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
        },
        body: leadJson,
        redirect: 'error',
      });
      const text = await response.text();
      return {
        status: response.status,
        requestId: response.headers.get('x-request-id'),
        body: text === '' ? null : JSON.parse(text),
      };
    },
  };
}
