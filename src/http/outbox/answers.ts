import type { z } from 'zod';
import type { UpsertLead } from '../../leads/lead.ts';
import type {
  ForgottenLeads,
  OutboxCounts,
  OutboxEntry,
  OutboxLead,
  OutboxPage,
  ReceiptProblem,
} from '../../leads/outbox.ts';
import { type Problem, toProblem } from '../problems/problem.ts';
import type { forgetResponse, outboxCounts, outboxLead, outboxPage } from './schema.ts';

/* What the operator gets, as JSON. For callers with the permission outbox only: problems may quote leads. */

export function toCounts(counts: OutboxCounts): z.infer<typeof outboxCounts> {
  const { failedByProblem, nextAttemptAt, ...others } = counts;
  return {
    ...others,
    failedByProblem: [...failedByProblem],
    ...(nextAttemptAt !== undefined && { nextAttemptAt: timeOf(nextAttemptAt) }),
  };
}

/** @param baseUrl where this caller reaches the gateway */
export function toPage({ leads, next }: OutboxPage, baseUrl: string): z.infer<typeof outboxPage> {
  return { leads: leads.map((entry) => toEntry(entry, baseUrl)), ...(next !== undefined && { next }) };
}

/** @param baseUrl where this caller reaches the gateway */
export function toLead(entry: OutboxLead, baseUrl: string): z.infer<typeof outboxLead> {
  const { lead } = entry;
  return { ...toEntry(entry, baseUrl), ...(lead !== null && { lead: toMembers(lead) }) };
}

export function toForgotten({ isOverwritten, ...counts }: ForgottenLeads): z.infer<typeof forgetResponse> {
  return { ...counts, overwritten: isOverwritten };
}

function toEntry(entry: OutboxEntry, baseUrl: string): z.infer<typeof outboxPage>['leads'][number] {
  const { id, state, owner, attempts } = entry;
  const [kind = '', ...name] = owner.split(' ');
  const acceptedAt = timeOf(entry.acceptedAt);
  const common = { id, state, caller: name.join(' '), kind, acceptedAt, attempts };
  const problemOf = ({ error, requestId }: ReceiptProblem): Problem => toProblem(error, requestId, baseUrl);
  switch (entry.state) {
    case 'pending': {
      const { nextAttemptAt, lastProblem } = entry;
      return {
        ...common,
        nextAttemptAt: timeOf(nextAttemptAt),
        ...(lastProblem !== undefined && { lastProblem: problemOf(lastProblem) }),
      };
    }
    case 'delivered':
      return { ...common, deliveredAt: timeOf(entry.deliveredAt), result: entry.result };
    case 'failed':
      return { ...common, failedAt: timeOf(entry.failedAt), problem: problemOf(entry.problem) };
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** A lead as `PUT /leads` takes it. */
function toMembers(lead: UpsertLead): NonNullable<z.infer<typeof outboxLead>['lead']> {
  const { id, email, foreignKey, marketoCookie, workspace, attributes } = lead;
  return {
    ...(id !== undefined && { id }),
    ...(email !== undefined && { email }),
    ...(foreignKey !== undefined && {
      foreignSysPersonId: foreignKey.id,
      foreignSysType: foreignKey.type,
    }),
    ...(marketoCookie !== undefined && { marketoCookie }),
    ...(workspace !== undefined && { workspace }),
    ...(attributes.length > 0 && {
      attributes: Object.fromEntries(attributes.map(({ name, value }) => [name, value])),
    }),
  };
}
