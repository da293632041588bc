// What a batch of 300 leads with 10 attributes each costs by REST where it holds the event loop: planning its calls, which
// is done lead by lead as they arrive, writing the body and reading the answer.
import { afterSync } from '../../dist/marketo-rest/advance.js';
import { readAnswer, readSyncRecords } from '../../dist/marketo-rest/answer.js';
import { createFieldMap, readDescribe } from '../../dist/marketo-rest/fields.js';
import { startPlan } from '../../dist/marketo-rest/plan.js';
import { writeSync } from '../../dist/marketo-rest/request.js';
import { measure } from './measure.mjs';
import { FIELDS } from './rest-fields.mjs';

const LEADS = 300;

const leads = Array.from({ length: LEADS }, (_, lead) => ({
  email: `jane.${lead}@example.com`,
  attributes: Array.from({ length: 10 }, (_none, index) => ({
    name: `CustomField${index}`,
    value: index === 9 ? lead : `value ${lead} <${index}> of "R&D"`,
  })),
  returnLead: false,
}));
const settings = {
  foreignIds: {},
  foreignIdFields: new Set(),
  workspacePartitions: new Map(),
  fieldNames: new Map(),
};
const known = {
  fields: createFieldMap(readDescribe(FIELDS), settings),
  fieldsReadMs: 0,
  mayReadAgain: false,
  searchable: undefined,
  partitions: undefined,
};

let steps = [];
const plan = measure(() => {
  steps = leads.map((lead) => startPlan(lead, known, settings));
});
if (steps.some(({ kind }) => kind !== 'sync')) throw new Error('a lead was not planned');
const write = measure(() => {
  const [{ action, lookupField, partition }] = steps;
  const request = writeSync(
    action,
    lookupField,
    partition,
    steps.map(({ json }) => json),
  );
  // As the client does before it goes on the wire.
  return Buffer.from(request.body);
});

function reading(result) {
  const body = Buffer.from(`{"requestId":"3f1a#199c82cc400","result":[${result.join(',')}],"success":true}`);
  return () => {
    const answer = readAnswer({ status: 200, contentType: 'application/json;charset=UTF-8', body });
    const records = readSyncRecords(answer.result, LEADS);
    return steps.map((step, index) => afterSync(step, records[index], answer.requestId, { known, settings }));
  };
}

const read = measure(reading(leads.map((_, lead) => `{"id":${1_089_965 + lead},"status":"updated"}`)));
const REASONS = `[{"code":"1003","message":"Invalid value for field 'customField9' and value 'x'"}]`;
const readUnusual = measure(reading(leads.map(() => `{"status":"skipped","reasons":${REASONS}}`)));
const usPerLead = ((plan.medianMs + write.medianMs + read.medianMs) / LEADS) * 1000;
console.log(JSON.stringify({ leads: LEADS, plan, write, read, readUnusual, usPerLead }));
