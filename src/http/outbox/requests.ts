import type { z } from 'zod';
import { type ErrorCode, MAX_MEMBER_ERRORS, type MemberError } from '../../leads/errors.ts';
import type { OutboxQuery } from '../../leads/outbox.ts';
import { memberPointer } from '../../text/json.ts';
import { nearestName } from '../../text/nearest-name.ts';
import { toWireAddress } from '../leads/identifiers.ts';
import { invalidRequest, isObject, unknownName } from '../problems/problem.ts';
import { isProblemSlug, PROBLEM_TYPES } from '../problems/types.ts';
import { forgetRequest, retryRequest } from './schema.ts';

const PARAMETERS = ['state', 'problem', 'after', 'limit'];
const PROBLEMS = Object.keys(PROBLEM_TYPES);

const QUERY = { part: 'parameter', whole: 'The query' } as const;
const BODY = { part: 'member', whole: 'The request' } as const;

/** Leads in a page, and in a page of a caller that does not say. */
const MOST = 1000;
const USUALLY = 100;

/**
 * Reads the query of `GET /outbox/leads`.
 *
 * @param search what follows the question mark
 * @throws {GatewayError} `validation-failed` with everything that is wrong; values are not repeated
 */
export function toOutboxQuery(search: string): OutboxQuery {
  const given = new URLSearchParams(search);
  const errors: MemberError[] = [];
  const complain = (name: string, detail: string) => errors.push({ pointer: memberPointer(name), detail });
  for (const name of new Set(given.keys())) {
    if (!PARAMETERS.includes(name))
      errors.push(unknownName(name, 'a parameter of the list', PARAMETERS, errors.length));
    else if (given.getAll(name).length > 1) complain(name, 'is given more than once');
  }
  const state = given.get('state') ?? 'failed';
  if (state !== 'failed' && state !== 'pending') complain('state', 'must be failed or pending');
  const problem = given.get('problem') ?? undefined;
  if (problem !== undefined && !isProblemSlug(problem)) complain('problem', problemComplaint(problem));
  const after = given.get('after') ?? undefined;
  if (after !== undefined && !/^\d{1,15}-\d{1,15}$/.test(after)) {
    complain('after', 'must be next of the page before');
  }
  const limit = given.get('limit') ?? String(USUALLY);
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST) {
    complain('limit', `must be a whole number from 1 to ${MOST}`);
  }
  if (errors.length > 0) {
    throw invalidRequest(errors.slice(0, MAX_MEMBER_ERRORS), errors.length, QUERY);
  }
  return {
    state: state as OutboxQuery['state'],
    problem: problem as ErrorCode | undefined,
    after,
    limit: Number(limit),
  };
}

/** Reads the body of `POST /outbox/retry`: the problem of the leads. @throws {GatewayError} `validation-failed` */
export function toRetry(body: unknown): ErrorCode | undefined {
  return checked(retryRequest, body).problem;
}

/** Reads the body of `POST /outbox/forget`: the address as it is sent to Marketo. @throws {GatewayError} `validation-failed` */
export function toForget(body: unknown): string {
  return toWireAddress(checked(forgetRequest, body).email);
}

function checked<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  body: unknown,
): z.infer<z.ZodObject<Shape>> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const members = Object.keys(schema.shape);
  let keys: readonly string[] = [];
  const errors = parsed.error.issues.flatMap((issue): MemberError[] => {
    const [name] = issue.path;
    if (issue.code === 'unrecognized_keys') {
      ({ keys } = issue);
      return [];
    }
    if (name === undefined) return [{ pointer: '#', detail: issue.message }];
    const value = isObject(body) ? body[String(name)] : undefined;
    const detail = name === 'problem' && typeof value === 'string' ? problemComplaint(value) : issue.message;
    return [{ pointer: memberPointer(String(name)), detail }];
  });
  const unknownKeys = keys
    .slice(0, MAX_MEMBER_ERRORS - errors.length)
    .map((key, index) => unknownName(key, 'a member of this request', members, index));
  throw invalidRequest([...errors, ...unknownKeys], errors.length + keys.length, BODY);
}

function problemComplaint(given: string): string {
  const meant = nearestName(given, PROBLEMS);
  const question = meant === undefined ? '' : `; did you mean ${meant}?`;
  return `must be the last part of the type of a problem, such as unknown-attribute${question}`;
}
