import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';
import { xmlRegisterFsInputProviders } from 'libxml2-wasm/lib/nodejs.mjs';

xmlRegisterFsInputProviders();

const schemaPath = fileURLToPath(new URL('../marketo-soap/schema/soap.xsd', import.meta.url));
const validator = XsdValidator.fromDoc(XmlDocument.fromBuffer(readFileSync(schemaPath), { url: schemaPath }));

export type SentLead = {
  readonly leadRecord: Readonly<Record<string, string>>;
  readonly attributes: readonly (readonly [string, string])[];
  readonly returnLead: string;
  readonly marketoCookie: string | undefined;
  readonly workspace: string | undefined;
  readonly headers: readonly string[];
};

/** Validates an envelope against the schema and reads it, both with libxml2: not with our own writer or reader. */
export function readSentLead(xml: string): SentLead {
  const document = XmlDocument.fromString(xml);
  try {
    return read(document);
  } finally {
    document.dispose();
  }
}

function read(document: XmlDocument): SentLead {
  validator.validate(document);
  const texts = (path: string) => document.find(path).map((node) => node.content);
  const names = texts('//leadRecord/leadAttributeList/attribute/attrName');
  const values = texts('//leadRecord/leadAttributeList/attribute/attrValue');
  const keys = document
    .find("//leadRecord/*[name() != 'leadAttributeList']")
    .map((node) => [(node as { name?: string }).name ?? '', node.content]);
  return {
    leadRecord: Object.fromEntries(keys) as Record<string, string>,
    attributes: names.map((name, index) => [name, values[index] ?? '']),
    returnLead: texts('//returnLead')[0] ?? '',
    marketoCookie: texts('//marketoCookie')[0],
    workspace: texts('//targetWorkspace')[0],
    headers: document
      .find("/*/*[local-name() = 'Header']/*")
      .map((node) => (node as { name?: string }).name ?? ''),
  };
}
