import type { Config } from '../config/config.ts';
import { placesIn } from '../http/leads/attribute-list.ts';
import { toUpsertLead } from '../http/leads/mapping.ts';
import { MAX_BODY_BYTES, parseBody } from '../http/request-body.ts';
import { type ErrorCode, GatewayError, type MemberError } from '../leads/errors.ts';
import type { LeadFinding } from '../leads/fields.ts';
import type { UpsertLead } from '../leads/lead.ts';
import { checkLead, type Subscription } from '../marketo-rest/check-lead.ts';
import type { RestReader } from '../marketo-rest/client-read.ts';
import { createFieldMap, readPartitions } from '../marketo-rest/fields.ts';
import {
  CommandFailure,
  defineCommand,
  ENV_FILE,
  EXIT_CONFIG,
  JSON_OUTPUT,
  print,
  printJson,
} from './command.ts';
import { linesOf } from './lines.ts';
import { readFields, readOrFail, readSearchable, withFieldApi } from './rest-connection.ts';
import { readSoapFields } from './soap-connection.ts';
import { verdict } from './verdict.ts';

/** What is wrong with the lead of a line. */
type LeadProblem = MemberError & { readonly line: number; readonly error: ErrorCode };

/** `lead-gateway check-leads`: exits with 1 if a lead of the file would be refused. Writes nothing. */
export const checkLeads = defineCommand({
  name: 'check-leads',
  summary: "check the leads of a file against Marketo's fields, without writing them",
  argument: 'FILE',
  options: { ...ENV_FILE, ...JSON_OUTPUT },
  notes: `FILE has bodies of PUT /leads, one a line. It reads the fields and, where the configuration maps some, the
searchable fields and the partitions: three calls at most, however many leads there are. It reports malformed bodies,
unknown and read-only attributes, foreign ids and workspaces that are not mapped, and values that do not fit, by Marketo's
documented rules: also those, such as a date in another form, of which a dry run only warns since Marketo decides. What keys
permit and whether a lead exists is not checked. Values are not repeated. If only the SOAP API has credentials, it is asked
instead, by one call; then read-only attributes and values that do not fit are warnings. Exits with 1 if a lead would be
refused, with 0 if there are warnings alone, with 78 if the file does not have JSON on lines.
`,
  run: async (own, { json, 'env-file': envFiles }, file) =>
    withFieldApi('check-leads', own, envFiles, {
      async rest(reader, config) {
        const subscription = await readSubscription(reader, config);
        // By the documented rules, what does not fit is refused, though a dry run leaves some of it to Marketo.
        const check: Check = (command) =>
          checkLead(command, subscription, config.rest).map((one) => ({ ...one, isCertain: true }));
        return checkFile(file, json, check, config);
      },
      async soap(upstream, config, userAgent) {
        const { check } = await readSoapFields(config, upstream, userAgent);
        return checkFile(file, json, check, config);
      },
    }),
});

/** Everything that may be wrong with a lead; the same that a dry run tells. */
type Check = (command: UpsertLead) => readonly LeadFinding[];

/** @throws {CommandFailure} 1 if a lead would be refused; 78 if the file has no leads on lines */
async function checkFile(file: string, json: boolean, check: Check, config: Config): Promise<number> {
  const problems: LeadProblem[] = [];
  const warnings: LeadProblem[] = [];
  let leads = 0;
  let refused = 0;
  let doubtful = 0;
  for await (const { line, bytes } of linesOf(file, MAX_BODY_BYTES)) {
    if (leads === 0 && !mayBeLead(bytes)) throw notLines(file);
    leads += 1;
    const found = checkBody(bytes, check, config);
    if (found.some(({ isCertain }) => isCertain)) refused += 1;
    else if (found.length > 0) doubtful += 1;
    for (const { pointer, detail, error, isCertain } of found) {
      if (json) (isCertain ? problems : warnings).push({ line, error, pointer, detail });
      else print(`line ${line}: ${placeBefore(pointer)}${detail} (${isCertain ? error : 'warning'})\n`);
    }
  }
  const more = warnings.length > 0 && { warnings };
  if (json) printJson({ isOk: refused === 0, leads, refused, problems, ...more });
  else print(`${verdict('lead', { total: leads, refused, doubtful })}\n`);
  if (refused > 0) throw new CommandFailure(1, []);
  return 0;
}

/** Nothing for the whole lead, which the number of the line names. */
function placeBefore(pointer: string): string {
  return pointer === '#' ? '' : `${pointer} `;
}

/** A table, or an array of all leads, would be told as one mistake for each line. */
function mayBeLead(firstLine: Buffer): boolean {
  return /^\uFEFF?\s*\{/.test(firstLine.toString('utf8', 0, 1024));
}

function notLines(file: string): CommandFailure {
  return new CommandFailure(EXIT_CONFIG, [
    `${file} does not have a lead in JSON on each line: its first line does not begin with "{". A CSV file is checked by: lead-gateway import FILE.csv --url URL --dry-run`,
  ]);
}

async function readSubscription(reader: RestReader, { rest }: Config): Promise<Subscription> {
  const fields = createFieldMap(readOrFail(await readFields(reader)), rest);
  const searchable =
    rest.foreignIdFields.size === 0 ? new Set<string>() : readOrFail(await readSearchable(reader));
  const partitions =
    rest.workspacePartitions.size === 0
      ? new Map<string, number>()
      : readPartitions(readOrFail(await reader.read('partitions')));
  return { fields, searchable, partitions };
}

/** What `PUT /leads` would refuse a body for. */
function checkBody(
  bytes: Buffer,
  check: Check,
  { defaultWorkspace: workspace }: Config,
): readonly LeadFinding[] {
  let body: unknown;
  try {
    body = parseBody(bytes);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const { code, detail, errors } = error;
    // The body is one line, whose number comes before it.
    const told = errors ?? [{ pointer: '#', detail: detail.replace(/^Line 1, column/, 'column') }];
    return told.map((member) => ({ ...member, error: code, isCertain: true }));
  }
  const parsed = toUpsertLead(body);
  if (!parsed.ok)
    return parsed.errors.map((member) => ({ ...member, error: 'validation-failed', isCertain: true }));
  const command = { ...(workspace !== undefined && { workspace }), ...parsed.command };
  const places = placesIn((body as Readonly<Record<string, unknown>>)['attributeList']);
  return check(command).map((problem) => ({
    ...problem,
    pointer: places.get(problem.pointer) ?? problem.pointer,
  }));
}
