import type { ATTRIBUTE_TYPES } from '../../text/soap-protocol.ts';

const INTEGER = /^[+-]?\d{1,10}$/;
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ]([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

/** The form of a value of each type, as the end of a sentence in an error. */
export const EXPECTED_FORM = {
  string: 'text',
  text: 'text',
  email: 'text',
  phone: 'text',
  url: 'text',
  integer: 'a whole number such as 62',
  score: 'a whole number such as 62',
  float: 'a number such as 12.5',
  currency: 'a number such as 12.5',
  percent: 'a number such as 12.5',
  boolean: '1, 0, true or false',
  date: 'a date such as 1999-12-31',
  datetime: 'a time such as 1999-12-31T23:59:59Z',
} as const satisfies Readonly<Record<FieldType, string>>;

/** The value as it is stored and returned; undefined when it is not of the type. */
type Normalise = (value: string) => string | undefined;

const asIs: Normalise = (value) => value;

const integer: Normalise = (value) => {
  const text = value.trim();
  const number = Number(text);
  return INTEGER.test(text) && Math.abs(number) <= 0x7fffffff ? String(number === 0 ? 0 : number) : undefined;
};

const decimal: Normalise = (value) => {
  const text = value.trim();
  return DECIMAL.test(text) ? text : undefined;
};

/** Booleans are sent as 1 and 0; true and false also occur (docs/marketo-soap.md#attribute-types). */
const boolean: Normalise = (value) => {
  switch (value.trim().toLowerCase()) {
    case '1':
    case 'true':
      return '1';
    case '0':
    case 'false':
      return '0';
    default:
      return undefined;
  }
};

const calendar =
  (pattern: RegExp): Normalise =>
  (value) => {
    const text = value.trim();
    const [, year, month, day] = pattern.exec(text) ?? [];
    return day !== undefined && Number(day) >= 1 && Number(day) <= daysIn(Number(year), Number(month))
      ? text
      : undefined;
  };

const RULES = {
  string: asIs,
  text: asIs,
  email: asIs,
  phone: asIs,
  url: asIs,
  integer,
  score: integer,
  float: decimal,
  currency: decimal,
  percent: decimal,
  boolean,
  date: calendar(DATE),
  datetime: calendar(DATE_TIME),
} as const satisfies Readonly<Record<FieldType, Normalise>>;

/**
 * The value as a field of that type stores it: text unchanged, integers without a plus sign and leading zeros, booleans
 * as 1 or 0, the empty value (which clears the field) as it is. Undefined when it is not of the type.
 */
export function normaliseValue(type: FieldType, value: string): string | undefined {
  return value === '' ? '' : RULES[type](value);
}

/** A character that SOAP could not show (XML 1.0, production 2, Char). */
const NOT_XML = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

/** Whether XML can carry a text. */
export function fitsXml(text: string): boolean {
  return !NOT_XML.test(text);
}

function daysIn(year: number, month: number): number {
  return month < 1 || month > 12 ? 0 : new Date(Date.UTC(year, month, 0)).getUTCDate();
}

export type FieldType = (typeof ATTRIBUTE_TYPES)[number];

/** In characters, of the types that have a length. */
export const FIELD_LENGTHS: Readonly<Partial<Record<FieldType, number>>> = {
  string: 255,
  email: 255,
  phone: 255,
  url: 255,
  text: 2000,
};

/** `First Name` for `FirstName`. */
export function displayNameOf(name: string): string {
  const spaced = name.replaceAll(/([a-z\d])([A-Z])/g, '$1 $2');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** A field of the lead database; its name is case-sensitive. */
export type LeadField = {
  /** By SOAP. */
  readonly name: string;
  readonly type: FieldType;
  /** By REST, where it does not follow from `name`. */
  readonly restName?: string;
};

/** Attributes that REST alone knows: the ids of a lead's account, owner and opportunity in Salesforce. */
export const REST_ONLY_ATTRIBUTES: ReadonlySet<string> = new Set([
  'sfdcAccountId',
  'sfdcLeadOwnerId',
  'sfdcOpptyId',
]);

/** Whether the vendor's standard fields have one with that SOAP name. */
export function isStandardField(name: string): boolean {
  return Object.hasOwn(STANDARD, name);
}

/** The vendor's standard fields under their SOAP names. `Email` is both a field and a key. */
const STANDARD: Readonly<Record<string, FieldType>> = {
  Email: 'email',
  Salutation: 'string',
  FirstName: 'string',
  MiddleName: 'string',
  LastName: 'string',
  DateofBirth: 'date',
  Title: 'string',
  Department: 'string',
  LeadRole: 'string',
  Phone: 'phone',
  MobilePhone: 'phone',
  Fax: 'phone',
  Address: 'text',
  City: 'string',
  State: 'string',
  PostalCode: 'string',
  Country: 'string',
  Company: 'string',
  MainPhone: 'phone',
  Website: 'url',
  Site: 'string',
  Industry: 'string',
  SICCode: 'string',
  AnnualRevenue: 'currency',
  NumberOfEmployees: 'integer',
  BillingStreet: 'text',
  BillingCity: 'string',
  BillingState: 'string',
  BillingPostalCode: 'string',
  BillingCountry: 'string',
  LeadSource: 'string',
  LeadStatus: 'string',
  LeadScore: 'score',
  Rating: 'string',
  Priority: 'integer',
  RelativeScore: 'integer',
  Urgency: 'float',
  PersonNotes: 'text',
  DoNotCall: 'boolean',
  DoNotCallReason: 'text',
  Unsubscribed: 'boolean',
  UnsubscribedReason: 'text',
  MarketingSuspended: 'boolean',
  EmailInvalid: 'boolean',
  EmailInvalidCause: 'text',
  EmailSuspended: 'boolean',
  EmailSuspendedAt: 'datetime',
  EmailSuspendedCause: 'text',
  AcquisitionDate: 'datetime',
  AnonymousIP: 'string',
  InferredCompany: 'string',
  InferredCity: 'string',
  InferredStateRegion: 'string',
  InferredPostalCode: 'string',
  InferredCountry: 'string',
  InferredPhoneAreaCode: 'string',
  OriginalReferrer: 'string',
  OriginalSearchEngine: 'string',
  OriginalSearchPhrase: 'string',
  OriginalSourceInfo: 'string',
  OriginalSourceType: 'string',
  RegistrationSourceInfo: 'string',
  RegistrationSourceType: 'string',
  'Contact Company': 'integer',
  'Lead Person': 'integer',
  'Person Primary Lead Interest': 'integer',
  'Marketo Jigsaw Contact Id': 'integer',
  'Marketo Jigsaw Contact Status': 'string',
};

export const STANDARD_FIELDS: readonly LeadField[] = Object.entries(STANDARD).map(([name, type]) => ({
  name,
  type,
}));
