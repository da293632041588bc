// The fields of the leads that benchmarks send, as Describe has them.

const named = (soap, dataType) => {
  const name = soap[0].toLowerCase() + soap.slice(1);
  return {
    displayName: soap,
    dataType,
    length: 255,
    rest: { name, readOnly: false },
    soap: { name: soap, readOnly: false },
  };
};

const TEXTS = ['FirstName', 'LastName', 'Company', 'Phone'];
const CUSTOM = Array.from({ length: 30 }, (_, at) => `CustomField${at}`);

export const FIELDS = [
  named('Email', 'email'),
  ...TEXTS.map((name) => named(name, 'string')),
  named('LeadScore', 'score'),
  named('Unsubscribed', 'boolean'),
  ...CUSTOM.map((name) => named(name, 'string')),
].map((field, id) => ({ id, ...field }));
