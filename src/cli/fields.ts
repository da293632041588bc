import { writeFileSync } from 'node:fs';
import type { RestSettings } from '../config/upstream.ts';
import type { Field } from '../marketo-rest/fields.ts';
import { describeFileError } from '../text/text-file.ts';
import {
  announce,
  columns,
  CommandFailure,
  defineCommand,
  ENV_FILE,
  EXIT_CONFIG,
  JSON_OUTPUT,
  print,
  printJson,
} from './command.ts';
import type { LeadField } from '../leads/fields.ts';
import { fieldsWithSoapNames, readFields, readOrFail, withFieldApi } from './rest-connection.ts';
import { readSoapFields } from './soap-connection.ts';
import { counted } from '../text/counted.ts';

/** `lead-gateway fields`: the fields of the subscription, and the map that keeps their SOAP names. */
export const fields = defineCommand({
  name: 'fields',
  summary: "list Marketo's fields with their REST and SOAP names",
  options: {
    out: {
      type: 'string',
      value: 'FILE',
      help: 'write the SOAP names to FILE, for MARKETO_FIELD_NAMES_FILE',
    },
    ...ENV_FILE,
    ...JSON_OUTPUT,
  },
  notes: `It makes one call of Marketo's REST API or, if only the SOAP API has credentials, of that. Write the file while
Describe still has SOAP names: with it attributes keep the names they have, whatever Describe says later. Names in MARKETO_FIELD_NAMES stay in the file.
`,
  run: async (own, { out, json, 'env-file': envFiles }) =>
    withFieldApi('fields', own, envFiles, {
      async rest(reader, { rest }) {
        const found = readOrFail(await readFields(reader));
        if (out !== undefined) writeNames(out, namesOf(found, rest));
        if (json) printJson(found.map(asJson));
        else if (out === undefined) print(asTable(found));
        return 0;
      },
      async soap(upstream, config, userAgent) {
        if (out !== undefined) throw new CommandFailure(EXIT_CONFIG, [OUT_NEEDS_REST]);
        const { list } = await readSoapFields(config, upstream, userAgent);
        if (json) printJson(list.map(soapFieldAsJson));
        else print(soapTable(list));
        return 0;
      },
    }),
});

/** Attribute name to REST name: the operator's own names first, since they come first in answers, too. */
function namesOf(found: readonly Field[], settings: RestSettings): ReadonlyMap<string, string> {
  const names = new Map(settings.fieldNames);
  const soapFields = fieldsWithSoapNames(found, settings);
  if (soapFields.length === 0) {
    throw new CommandFailure(1, [
      'Describe has no SOAP names, so nothing was written. Attributes can have the REST names that `lead-gateway fields` lists.',
    ]);
  }
  for (const { soapName = '', restName } of soapFields)
    if (!names.has(soapName)) names.set(soapName, restName);
  return names;
}

function writeNames(file: string, names: ReadonlyMap<string, string>): void {
  try {
    writeFileSync(file, `${JSON.stringify(Object.fromEntries(names), null, 2)}\n`);
  } catch (error) {
    throw new CommandFailure(1, [`${file} ${describeFileError(error, 'written')}.`]);
  }
  announce([`Wrote ${counted(names.size, 'name')} to ${file}; set MARKETO_FIELD_NAMES_FILE=${file}`]);
}

function asJson({ restName, soapName, dataType, maxLength, isReadOnly }: Field) {
  return { restName, soapName: soapName ?? null, dataType, maxLength: maxLength ?? null, isReadOnly };
}

function asTable(found: readonly Field[]): string {
  return columns([
    ['REST name', 'SOAP name', 'type', 'read-only'],
    ...found.map(({ restName, soapName, dataType, isReadOnly }) => [
      restName,
      soapName ?? '-',
      dataType,
      isReadOnly ? 'yes' : '',
    ]),
  ]);
}

const OUT_NEEDS_REST =
  'fields --out writes the REST names of fields: set MARKETO_REST_ENDPOINT, MARKETO_CLIENT_ID and MARKETO_CLIENT_SECRET.';

function soapFieldAsJson({ names: [name], title, type, maxLength, isReadOnly, isCustom }: LeadField) {
  return { soapName: name, title, dataType: type, maxLength, isReadOnly, isCustom };
}

function soapTable(found: readonly LeadField[]): string {
  return columns([
    ['SOAP name', 'title', 'type', 'read-only'],
    ...found.map(({ names: [name = ''], title, type, isReadOnly }) => [
      name,
      title,
      type,
      isReadOnly ? 'yes' : '',
    ]),
  ]);
}
