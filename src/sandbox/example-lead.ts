import type { Lead } from './lead.ts';
import { DEFAULT_WORKSPACE } from './workspaces.ts';

const SINCE = Date.UTC(2013, 7, 1);

/**
 * The lead of every example that names a Marketo id, so that the examples work in a sandbox nobody wrote to. It is found
 * by its id, which is below those the store gives out, and listed once it is written.
 */
export const EXAMPLE_LEAD: Lead = {
  id: 1_000_000,
  email: 'george@example.com',
  foreign: null,
  cookies: [],
  anonymous: false,
  partition: DEFAULT_WORKSPACE,
  attributes: new Map([
    ['FirstName', 'George'],
    ['LeadScore', '62'],
    ['Unsubscribed', '0'],
  ]),
  createdAt: SINCE,
  updatedAt: SINCE,
  revision: 0,
  history: [],
};
