import type { ErrorCode } from '../leads/errors.ts';
import type { LeadFinding } from '../leads/fields.ts';
import type { UpsertLead } from '../leads/lead.ts';
import { memberPointer } from '../text/json.ts';
import { misfit } from './misfit.ts';
import { type Known, type PlanSettings, startPlan } from './plan.ts';

/** What the subscription says of itself. */
export type Subscription = Pick<Known, 'searchable' | 'partitions' | 'fields'>;

/**
 * Everything for which a lead would be refused, as far as that can be told without a call: what the gateway refuses
 * itself, and values that do not fit their fields. Whether the lead exists is not known.
 */
export function checkLead(
  command: UpsertLead,
  subscription: Subscription,
  settings: PlanSettings,
): readonly LeadFinding[] {
  const known = { ...subscription, fieldsReadMs: 0, mayReadAgain: false };
  const problems: LeadFinding[] = [];
  let left: UpsertLead | undefined = command;
  // A plan stops at its first refusal, so what was refused is taken out and the rest is planned again.
  while (left !== undefined) {
    const step = startPlan(left, known, settings);
    if (!('error' in step))
      return [...problems, ...partitionProblems(step.plan, known), ...misfits(left, known)];
    const { detail, errors } = step.explain(left);
    const told = errors ?? [{ pointer: unnamedPointer(left, step.error), detail }];
    problems.push(...told.map((member) => ({ ...member, error: step.error, isCertain: true })));
    left = without(left, new Set(told.map(({ pointer }) => pointer)));
  }
  return problems;
}

const WORKSPACE = memberPointer('workspace');
const COOKIE = memberPointer('marketoCookie');
const FOREIGN: readonly string[] = [memberPointer('foreignSysPersonId'), memberPointer('foreignSysType')];

/** Callers cannot do anything about a field that cannot be searched, so that refusal points nowhere. */
function unnamedPointer({ foreignKey }: UpsertLead, error: ErrorCode): string {
  return error === 'upstream-error' && foreignKey !== undefined ? memberPointer('foreignSysType') : '#';
}

/** The lead without the members at fault; undefined if it has none of them. */
function without(command: UpsertLead, pointers: ReadonlySet<string>): UpsertLead | undefined {
  const { workspace, foreignKey, marketoCookie, attributes, ...others } = command;
  const hasForeign = FOREIGN.some((pointer) => pointers.has(pointer));
  const isLess =
    hasForeign ||
    (pointers.has(WORKSPACE) && workspace !== undefined) ||
    (pointers.has(COOKIE) && marketoCookie !== undefined) ||
    attributes.some(({ name }) => pointers.has(memberPointer('attributes', name)));
  if (!isLess) return undefined;
  return {
    ...others,
    ...(workspace !== undefined && !pointers.has(WORKSPACE) && { workspace }),
    ...(foreignKey !== undefined && !hasForeign && { foreignKey }),
    // Without the foreign id the cookie would decide, to which other rules apply.
    ...(marketoCookie !== undefined && !hasForeign && !pointers.has(COOKIE) && { marketoCookie }),
    attributes: attributes.filter(({ name }) => !pointers.has(memberPointer('attributes', name))),
  };
}

function partitionProblems(
  { partition }: { readonly partition: string | undefined },
  known: Known,
): LeadFinding[] {
  if (partition === undefined || known.partitions?.has(partition.toLowerCase()) !== false) return [];
  const detail = `has the partition ${JSON.stringify(partition)}, which Marketo does not have or the API user may not use`;
  return [{ pointer: WORKSPACE, detail, error: 'lead-rejected', isCertain: true }];
}

function misfits({ attributes }: UpsertLead, { fields }: Known): LeadFinding[] {
  return attributes.flatMap(({ name, value }) => {
    const field = fields?.resolve(name);
    const unfit = field === undefined ? undefined : misfit(field, value);
    return unfit === undefined
      ? []
      : [{ pointer: memberPointer('attributes', name), error: 'lead-rejected' as const, ...unfit }];
  });
}
