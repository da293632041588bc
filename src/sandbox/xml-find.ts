/** Looking things up in an element, by the rules of the vendor's server (contract A, "behaved like PHP's ext-soap"). */
import { XSI_NS } from '../marketo/protocol.ts';
import { SoapFault } from './soap-fault.ts';
import type { XmlElement } from './xml-reader.ts';

/** The first child of that local name, whatever its namespace; names are case-sensitive. */
export function childNamed(parent: XmlElement, local: string): XmlElement | undefined {
  return parent.children.find((child) => child.local === local);
}

/** All children of that local name, whatever their namespace, in order. */
export function childrenNamed(parent: XmlElement, local: string): XmlElement[] {
  return parent.children.filter((child) => child.local === local);
}

export function attributeOf(element: XmlElement, ns: string, local: string): string | undefined {
  return element.attributes.find((attribute) => attribute.local === local && attribute.ns === ns)?.value;
}

export function isNil(element: XmlElement): boolean {
  if (element.attributes.length === 0) return false;
  const value = attributeOf(element, XSI_NS, 'nil')?.trim();
  return value === 'true' || value === '1';
}

/**
 * The text of a child: null when it is missing, nil or empty (contract A: the three forms of null are one).
 * @throws {SoapFault} 20012 when there are elements where the text belongs.
 */
export function childText(parent: XmlElement, local: string): string | null {
  const child = childNamed(parent, local);
  return child === undefined ? null : textOf(child) || null;
}

/** The text of an element, the empty string when nil. Faults like `childText`. */
export function textOf(element: XmlElement): string {
  if (isNil(element)) return '';
  const [inner] = element.children;
  if (inner) throw new SoapFault(20012, `Element ${inner.local} stands where ${element.local} holds text`);
  return element.text;
}

/** A child that is there and not nil. */
export function childPresent(parent: XmlElement, local: string): XmlElement | undefined {
  const child = childNamed(parent, local);
  return child === undefined || isNil(child) ? undefined : child;
}

/**
 * An xs:boolean child, null when missing, nil or empty.
 * @throws {SoapFault} 20110 for anything but true, false, 1 and 0 between blanks.
 */
export function childBoolean(parent: XmlElement, local: string): boolean | null {
  const text = childText(parent, local)?.trim();
  switch (text) {
    case undefined:
    case '':
      return null;
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
      return false;
    default:
      throw new SoapFault(20110, `${local} must be true or false`);
  }
}
