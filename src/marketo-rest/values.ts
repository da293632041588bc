import type { AttributeValue } from '../leads/lead.ts';
import { plainDecimal } from '../text/json.ts';
import type { Field } from './fields.ts';

/** Other spellings go as they are: Marketo refuses them and says so. */
const BOOLEANS: Readonly<Record<string, string | undefined>> = {
  '1': 'true',
  true: 'true',
  '0': 'false',
  false: 'false',
  '': 'false',
};

/** An attribute's value as JSON, by the type of its field (docs/marketo-rest.md#values). */
export function jsonValue(kind: Field['kind'], value: AttributeValue): string {
  if (value === null) return 'null';
  switch (kind) {
    case 'boolean':
      if (typeof value === 'boolean') return value ? 'true' : 'false';
      if (typeof value === 'string') {
        const word = value.length > 5 ? undefined : value.toLowerCase();
        return (word === undefined ? undefined : BOOLEANS[word]) ?? JSON.stringify(value);
      }
      return value === 1 ? 'true' : value === 0 ? 'false' : JSON.stringify(value);
    case 'number':
      if (typeof value === 'boolean') return value ? '1' : '0';
      return JSON.stringify(value);
    case 'text':
      if (typeof value === 'boolean') return value ? '"1"' : '"0"';
      return typeof value === 'number' ? `"${plainDecimal(value)}"` : JSON.stringify(value);
  }
}
