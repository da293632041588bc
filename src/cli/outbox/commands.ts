import type { toPage } from '../../http/outbox/answers.ts';
import {
  announce,
  columns,
  CommandFailure,
  defineCommand,
  ENV_FILE,
  JSON_OUTPUT,
  misused,
  type Options,
  print,
  printJson,
  type Process,
} from '../command.ts';
import { listNames } from '../../leads/unknown-attributes.ts';
import { counted } from '../../text/counted.ts';
import { loadConfig } from '../configuration.ts';
import { ALLOW_INSECURE, gatewayKey, gatewayUrl, KEY_VARIABLE } from '../gateway-address.ts';
import { type OutboxClient, UnknownLead, withOutbox } from './client.ts';

const WHERE = {
  url: {
    type: 'string',
    value: 'URL',
    help: 'the gateway; without it the one on HOST and PORT, or the store in OUTBOX_URL if none runs there',
  },
  'key-file': {
    type: 'string',
    value: 'FILE',
    help: `a file with a key that has the permission outbox, for a gateway that has keys; without it ${KEY_VARIABLE} has it`,
  },
  ...ALLOW_INSECURE,
  ...ENV_FILE,
} as const satisfies Options;

const WHICH = {
  state: { type: 'string', value: 'STATE', help: 'failed, or pending; without it failed' },
  problem: {
    type: 'string',
    value: 'NAME',
    help: 'only leads whose last problem is this, such as unknown-attribute',
  },
} as const satisfies Options;

type Given = {
  readonly url: string | undefined;
  readonly 'key-file': string | undefined;
  readonly 'allow-insecure': boolean;
  readonly 'env-file': readonly string[];
};

function outboxOf<Result>(
  own: Process,
  command: string,
  { url: text, 'key-file': keyFile, 'allow-insecure': mayBeInsecure, 'env-file': envFiles }: Given,
  use: (client: OutboxClient) => Promise<Result>,
): Promise<Result> {
  const url = text === undefined ? undefined : gatewayUrl(command, text, mayBeInsecure);
  const { config } = loadConfig(own, envFiles);
  return withOutbox({ config, url, key: () => gatewayKey(own, keyFile) }, use);
}

/** `lead-gateway outbox status` */
export const showStatus = defineCommand({
  name: 'outbox status',
  summary: 'show what the outbox holds',
  options: { ...WHERE, ...JSON_OUTPUT },
  run: async (own, values) => {
    const counts = await outboxOf(own, 'outbox status', values, (client) => client.counts());
    if (values.json) {
      printJson(counts);
      return 0;
    }
    const { pending, failed, delivered, failedByProblem, oldestPendingSeconds, nextAttemptAt, pausedBy } =
      counts;
    const rows = [
      ['pending', `${pending}`],
      ...(oldestPendingSeconds === undefined ? [] : [['oldest', `${oldestPendingSeconds} s`]]),
      ...(nextAttemptAt === undefined ? [] : [['next attempt', nextAttemptAt]]),
      ...(pausedBy === undefined ? [] : [['paused by', pausedBy]]),
      ['failed', `${failed}`],
      ...failedByProblem.map(({ problem, count }) => [`  ${problem}`, `${count}`]),
      ['delivered', `${delivered}`],
      ['  in the last hour', `${counts.deliveredInHour}`],
      ['  in the last day', `${counts.deliveredInDay}`],
    ];
    print(columns(rows));
    return 0;
  },
});

type Entry = ReturnType<typeof toPage>['leads'][number];

/** Entries of a list, page by page. */
async function* entriesOf(
  client: OutboxClient,
  { state, problem }: { readonly state: string | undefined; readonly problem: string | undefined },
): AsyncGenerator<Entry> {
  for (let after: string | undefined; ;) {
    const query = new URLSearchParams({
      ...(state !== undefined && { state }),
      ...(problem !== undefined && { problem }),
      ...(after !== undefined && { after }),
      limit: '500',
    });
    const { leads, next } = await client.page(query.toString());
    yield* leads;
    if (next === undefined) return;
    after = next;
  }
}

const MAX_LISTED = 100;

/** `lead-gateway outbox list` */
export const listLeads = defineCommand({
  name: 'outbox list',
  summary: 'list failed or pending leads, without what was sent',
  options: { ...WHERE, ...WHICH, ...JSON_OUTPUT },
  notes: `Those that have waited longest first, ${MAX_LISTED} at most; --json lists all.\n`,
  run: async (own, values) =>
    outboxOf(own, 'outbox list', values, async (client) => {
      const entries: Entry[] = [];
      let hasMore = false;
      for await (const entry of entriesOf(client, values)) {
        hasMore = !values.json && entries.length === MAX_LISTED;
        if (hasMore) break;
        entries.push(entry);
      }
      if (values.json) printJson(entries);
      else {
        const rows = entries.map((entry) => {
          const problem = entry.problem ?? entry.lastProblem;
          const { id, state, caller, acceptedAt, attempts } = entry;
          return [id, state, acceptedAt, `${attempts}`, caller, problem?.type.split('/').pop() ?? '-'];
        });
        print(columns([['ID', 'STATE', 'ACCEPTED', 'ATTEMPTS', 'CALLER', 'PROBLEM'], ...rows]));
        if (hasMore) announce(['There are more; --json lists all.']);
      }
      return 0;
    }),
});

/** `lead-gateway outbox show` */
export const showLead = defineCommand({
  name: 'outbox show',
  summary: 'show a lead with what was sent, as JSON',
  argument: 'ID',
  options: WHERE,
  notes: 'It shows personal data.\n',
  run: async (own, values, id) => {
    printJson(await outboxOf(own, 'outbox show', values, (client) => client.lead(id)));
    return 0;
  },
});

/** `lead-gateway outbox retry` */
export const retryLeads = defineCommand({
  name: 'outbox retry',
  summary: 'try leads again',
  argument: '[ID]',
  options: {
    id: { type: 'string', value: 'ID', help: 'this failed or pending lead; the same as ID alone' },
    problem: { type: 'string', value: 'NAME', help: 'all failed leads with this problem' },
    all: { type: 'boolean', help: 'all failed leads' },
    ...WHERE,
    ...JSON_OUTPUT,
  },
  notes: 'They go back to their places in the order. Each retry ends the pause of pending leads, too.\n',
  run: async (own, values, argument) => {
    const { problem, all, json } = values;
    const ids = [values.id, argument].filter((one) => one !== undefined && one !== '');
    if (ids.length + Number(problem !== undefined) + Number(all) !== 1)
      throw misused('outbox retry', 'Give one of ID, --problem NAME and --all.', '[ID]');
    const [id] = ids;
    const retried = await outboxOf(own, 'outbox retry', values, (client) =>
      id === undefined ? client.retryFailed(problem) : client.retry(id),
    );
    if (json) printJson({ retried });
    else print(`${leadsOf(retried)} tried again.\n`);
    return 0;
  },
});

function leadsOf(count: number): string {
  return count === 1 ? '1 lead is' : `${count} leads are`;
}

/** `lead-gateway outbox discard` */
export const discardLead = defineCommand({
  name: 'outbox discard',
  summary: 'remove a lead and its receipt for good',
  argument: 'ID',
  options: WHERE,
  run: async (own, values, id) => {
    await outboxOf(own, 'outbox discard', values, (client) => client.discard(id));
    print(`The lead ${id} is removed.\n`);
    return 0;
  },
});

/** `lead-gateway outbox export` */
export const exportLeads = defineCommand({
  name: 'outbox export',
  summary: 'write failed or pending leads with what was sent, a line of JSON each',
  options: { ...WHERE, ...WHICH },
  notes: `It writes personal data to standard output. Exits with 1 if a lead cannot be read, after it has written the others.
`,
  run: async (own, values) =>
    outboxOf(own, 'outbox export', values, async (client) => {
      const unread: string[] = [];
      for await (const { id } of entriesOf(client, values)) {
        // Removed since it was listed.
        const lead = await client.lead(id).catch((error: unknown) => {
          if (error instanceof UnknownLead) return undefined;
          throw error;
        });
        // Delivered since it was listed: nothing of what was sent is kept.
        if (lead === undefined || lead.state === 'delivered') continue;
        if (lead.lead === undefined) unread.push(id);
        else print(`${JSON.stringify(lead)}\n`);
      }
      if (unread.length > 0) throw notExported(unread);
      return 0;
    }),
});

/** Without them an export looks complete, and the operator may throw away what is left. */
function notExported(ids: readonly string[]): CommandFailure {
  return new CommandFailure(1, [
    `${counted(ids.length, 'lead')} cannot be read and ${ids.length === 1 ? 'is' : 'are'} not in the export: ${listNames(ids)}.`,
    'A key may be missing in OUTBOX_ENCRYPTION_KEYS: add the one that they were written with, then export again.',
  ]);
}

/** `lead-gateway outbox forget` */
export const forgetPerson = defineCommand({
  name: 'outbox forget',
  summary: 'erase a person from the outbox: leads, receipts and idempotency keys',
  options: {
    email: { type: 'string', value: 'ADDRESS', help: 'the address of the person; required' },
    ...WHERE,
    ...JSON_OUTPUT,
  },
  run: async (own, values) => {
    const { email } = values;
    if (email === undefined) throw misused('outbox forget', '--email is required: --email ADDRESS');
    const forgotten = await outboxOf(own, 'outbox forget', values, (client) => client.forget(email));
    const { pending, failed, delivered, overwritten } = forgotten;
    if (values.json) printJson(forgotten);
    else print(`Removed: ${pending} pending, ${failed} failed and ${delivered} delivered.\n`);
    if (overwritten) return 0;
    throw new CommandFailure(1, [
      'Traces may be left in the file, because another program reads it or its disk is full. Run the command again later.',
    ]);
  },
});
