import { envelope, escapeText, nillable } from './answer.ts';

/** A field of an object; null for what it does not have. */
export type FieldMetadata = {
  readonly name: string;
  readonly displayName: string;
  /** Which object the value is kept in. */
  readonly sourceObject: string;
  readonly dataType: string;
  /** In characters. */
  readonly size: number | null;
  readonly isReadonly: boolean;
  readonly isPrimaryKey: boolean;
  readonly isCustom: boolean;
};

/** What `describeMObject` tells of an object. */
export type ObjectMetadata = {
  readonly name: string;
  readonly isCustom: boolean;
  readonly fields: readonly FieldMetadata[];
};

/** The answer to `describeMObject` in the vendor's form (docs/marketo-soap.md#describemobject). */
export function describeMObjectAnswer({ name, isCustom, fields }: ObjectMetadata): string {
  return envelope(
    `<ns1:successDescribeMObject><result><metadata><name>${escapeText(name)}</name>${nillable('description', null)}` +
      `<isCustom>${isCustom}</isCustom><isVirtual>false</isVirtual>` +
      `<fieldList>${fields.map(field).join('')}</fieldList></metadata></result></ns1:successDescribeMObject>`,
  );
}

function field(one: FieldMetadata): string {
  return (
    `<field><name>${escapeText(one.name)}</name>${nillable('description', null)}` +
    nillable('displayName', one.displayName) +
    nillable('sourceObject', one.sourceObject) +
    `<dataType>${one.dataType}</dataType>${nillable('size', one.size === null ? null : String(one.size))}` +
    `<isReadonly>${one.isReadonly}</isReadonly><isUpdateBlocked>false</isUpdateBlocked><isName>false</isName>` +
    `<isPrimaryKey>${one.isPrimaryKey}</isPrimaryKey><isCustom>${one.isCustom}</isCustom>` +
    `<isDynamic>false</isDynamic>${nillable('dynamicFieldRef', null)}${nillable('updatedAt', null)}</field>`
  );
}
