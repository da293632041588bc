import type { Request, Response } from 'express';
import {
  firstFew,
  GatewayError,
  MAX_MEMBER_ERRORS,
  type MemberError,
  shortenName,
} from '../../leads/errors.ts';
import type { FieldContext, LeadFields, LeadFinding } from '../../leads/fields.ts';
import type { UpsertLead } from '../../leads/lead.ts';
import { pathOf } from '../../text/json.ts';
import { flagIn } from '../query.ts';
import { respondJson } from '../respond.ts';
import { unknownAttributesProblem } from '../../leads/unknown-attributes.ts';
import { counted } from '../../text/counted.ts';

/**
 * Whether a request only asks what would become of its lead: `?dryRun=true` (docs/rest-api.md#dry-run).
 *
 * @throws {GatewayError} `validation-failed` rather than guess whether to write
 */
export function isDryRun(req: Pick<Request, 'url'>): boolean {
  return flagIn(req, 'dryRun') === true;
}

/**
 * Answers what a write would be answered with, as far as that can be told without one.
 *
 * @param placeOf pointer into the map of attributes → pointer into the request
 */
export async function respondDryRun(
  res: Response,
  fields: LeadFields | null,
  command: UpsertLead,
  context: FieldContext,
  placeOf: (pointer: string) => string,
): Promise<void> {
  const { findings, unread } = fields === null ? NOTHING_KNOWN : await fields.check(command, context);
  const certain = findings.filter(({ isCertain }) => isCertain);
  if (certain.length > 0) throw refusalOf(certain, placeOf);
  const warnings = findings
    .slice(0, MAX_MEMBER_ERRORS)
    .map(({ pointer, detail }) => ({ pointer: placeOf(pointer), detail }));
  const told: readonly MemberError[] = unread === undefined ? warnings : [notChecked(unread), ...warnings];
  respondJson(res, 200, { valid: true, warnings: told });
}

const NOTHING_KNOWN = {
  findings: [],
  unread: new GatewayError('upstream-error', { detail: 'Marketo does not tell its fields.' }),
} as const;

function notChecked({ detail }: GatewayError): MemberError {
  return { pointer: '#', detail: `was checked without the fields of Marketo. ${detail}` };
}

/** The problem of the first finding, with all that are certain. */
function refusalOf(findings: readonly LeadFinding[], placeOf: (pointer: string) => string): GatewayError {
  const [first] = findings;
  const code = first?.error ?? 'lead-rejected';
  if (findings.every(({ error }) => error === 'unknown-attribute')) {
    return new GatewayError(code, unknownAttributesProblem(findings.map(nameOf), []));
  }
  const { shown, omitted } = firstFew(findings);
  const sentences = shown.map(
    ({ pointer, detail }) => `${shortenName(pathOf(pointer).join('/'))}: ${detail}.`,
  );
  const more = omitted > 0 ? [`And ${omitted} more.`] : [];
  const total = counted(findings.length, 'member');
  return new GatewayError(code, {
    detail: [`The lead would be refused because of ${total}.`, ...sentences, ...more].join(' '),
    errors: findings.slice(0, MAX_MEMBER_ERRORS).map(({ pointer, detail }) => ({
      // Pointers of any other problem are changed on its way out.
      pointer: code === 'validation-failed' ? placeOf(pointer) : pointer,
      detail,
    })),
  });
}

function nameOf({ pointer }: LeadFinding): string {
  return pathOf(pointer)[1] ?? '';
}
