import { createHash } from 'node:crypto';
import type { IRouter, Request, RequestHandler } from 'express';
import { ANONYMOUS, type Principal, refusePublishable } from '../../access/principal.ts';
import type { FieldList, LeadField, LeadFields } from '../../leads/fields.ts';
import type { Access } from '../authenticate.ts';
import { isNotModified } from '../not-modified.ts';
import { flagIn } from '../query.ts';
import { contextOf } from '../request-context.ts';
import { respondEmpty, respondJson, setHeader } from '../respond.ts';
import { route } from '../route.ts';
import { isAttributeName } from './attribute-list.ts';

export type FieldDeps = {
  readonly fields: LeadFields;
  readonly access: Pick<Access, 'identify'>;
};

/** `GET /leads/fields` (docs/rest-api.md#get-leadsfields). */
export function serveFields(app: IRouter, deps: FieldDeps): void {
  route(app, '/leads/fields', { GET: [deps.access.identify, showFields(deps)] });
}

function showFields({ fields }: FieldDeps): RequestHandler {
  return async (req, res) => {
    const { caller = ANONYMOUS, requestId, trace } = contextOf(res);
    refusePublishable(caller, 'see the fields');
    const isWanted = wantedFields(req);
    const { fields: all, asOf } = await fields.list({ requestId, trace });
    const shown = fieldsOf(all, caller).filter(isWanted);
    const etag = etagOf(shown);
    setHeader(res, 'ETag', etag);
    setHeader(res, 'Cache-Control', 'private, no-cache');
    if (isNotModified(req, etag)) respondEmpty(res, 304);
    else respondJson(res, 200, { fields: shown, asOf: new Date(asOf).toISOString() });
  };
}

/** A field as a caller sees it. */
type ShownField = {
  readonly name: string;
  readonly title: string;
  readonly type: string;
  readonly maxLength: number | null;
  readonly readOnly: boolean;
  readonly custom: boolean;
};

/** The fields that a caller may write, by the names it may write them under. */
function fieldsOf(fields: FieldList['fields'], caller: Principal): readonly ShownField[] {
  return fields.flatMap((field) => {
    const name = writableName(field, caller);
    if (name === undefined) return [];
    const { title, type, maxLength, isReadOnly, isCustom } = field;
    return { name, title, type, maxLength, readOnly: isReadOnly, custom: isCustom };
  });
}

function writableName({ names }: LeadField, { permissions }: Principal): string | undefined {
  return names.find((name) => isAttributeName(name) && permissions.mayWriteAttribute(name));
}

/** `readOnly=false` lists the fields that can be written, `readOnly=true` the others. */
function wantedFields(req: Request): (field: ShownField) => boolean {
  const wanted = flagIn(req, 'readOnly');
  return ({ readOnly }) => wanted === undefined || readOnly === wanted;
}

/** Weak: when the fields were read is not part of it. */
function etagOf(shown: readonly ShownField[]): string {
  return `W/"${createHash('sha256').update(JSON.stringify(shown)).digest('base64url').slice(0, 27)}"`;
}
