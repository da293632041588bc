import { FOREIGN_SYS_TYPES } from '../marketo/protocol.ts';
import type { ForeignKey, ForeignSysType } from './lead.ts';
import { SoapFault } from './soap-fault.ts';
import { childNamed, childPresent, childrenNamed, childText, isNil, textOf } from './xml-find.ts';
import type { XmlElement } from './xml-reader.ts';

/** A LeadRecord as a client sent it; null for every key that is missing, nil or empty. */
export type LeadInput = {
  readonly id: number | null;
  readonly email: string | null;
  readonly foreign: ForeignKey | null;
  readonly cookie: string | null;
  /** In the order given; an empty value clears its field. */
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
};

/**
 * Reads a LeadRecord. Elements that are no member of it are ignored, whatever they look like (contract A: `id` and
 * `foreignSysPersonId` are no keys).
 * @throws {SoapFault} by the table in soap-fault.ts.
 */
export function readLeadInput(record: XmlElement, cookie: string | null = null): LeadInput {
  const input: LeadInput = {
    id: readInt(record, 'Id'),
    email: childText(record, 'Email'),
    foreign: readForeignKey(record),
    cookie,
    attributes: readAttributes(record),
  };
  if (input.id === null && input.email === null && input.foreign === null && cookie === null) {
    throw new SoapFault(
      20101,
      'The lead record holds no key: Id, ForeignSysPersonId, marketoCookie or Email is expected',
    );
  }
  return input;
}

/** An xs:int that is there. @throws {SoapFault} 20110 */
function readInt(parent: XmlElement, local: string): number | null {
  const text = childText(parent, local)?.trim();
  if (text === undefined || text === '') return null;
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || value < -0x80000000 || value > 0x7fffffff) {
    throw new SoapFault(20110, `${local} must be an integer of 32 bits`);
  }
  return value;
}

function readForeignKey(record: XmlElement): ForeignKey | null {
  const id = childText(record, 'ForeignSysPersonId');
  if (id === null) return null;
  const type = childText(record, 'ForeignSysType');
  if (type === null) throw new SoapFault(20109, 'ForeignSysType is required with ForeignSysPersonId');
  if (!isForeignSysType(type)) {
    throw new SoapFault(20110, `ForeignSysType must be one of ${FOREIGN_SYS_TYPES.join(', ')}`);
  }
  return { id, type };
}

function readAttributes(record: XmlElement): LeadInput['attributes'] {
  const list = childPresent(record, 'leadAttributeList');
  if (!list) return [];
  return childrenNamed(list, 'attribute')
    .filter((attribute) => !isNil(attribute))
    .map((attribute) => {
      const name = childText(attribute, 'attrName');
      if (name === null) throw new SoapFault(20109, 'attrName is required in every attribute');
      const value = childNamed(attribute, 'attrValue');
      return { name, value: value ? textOf(value) : '' };
    });
}

function isForeignSysType(text: string): text is ForeignSysType {
  return FOREIGN_SYS_TYPES.some((type) => type === text);
}
