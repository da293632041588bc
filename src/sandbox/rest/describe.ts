import { PARTITION_FIELD } from '../../text/rest-protocol.ts';
import { FIELD_LENGTHS } from '../leads/fields.ts';
import { partitionsOf, type SettingsHolder } from '../settings.ts';
import type { Operation } from './call.ts';
import { partitionIds, type RestField, restFieldsOf } from './fields.ts';

function lengthOf(dataType: RestField['dataType']): { readonly length?: number } {
  const length = dataType === 'reference' ? undefined : FIELD_LENGTHS[dataType];
  return length === undefined ? {} : { length };
}

/** Every field with both its names. */
export function describeOperation({ settings }: { readonly settings: SettingsHolder }): Operation {
  return () => {
    const now = settings.current();
    const { describeSoapNames } = now.rest;
    const result = [...restFieldsOf(now).values()].map((field, index) =>
      JSON.stringify(describeField(field, index + 1, describeSoapNames)),
    );
    return Promise.resolve({ result, outcome: 'DONE' });
  };
}

function describeField(field: RestField, id: number, withSoapName: boolean) {
  const { name, displayName, dataType, soapName, readOnly, soapReadOnly } = field;
  return {
    id,
    displayName,
    dataType,
    ...lengthOf(dataType),
    rest: { name, readOnly },
    ...(withSoapName && soapName !== null && { soap: { name: soapName, readOnly: soapReadOnly } }),
  };
}

/** The fields by their REST names, and those that leads are found by. */
export function describe2Operation({ settings }: { readonly settings: SettingsHolder }): Operation {
  return () => {
    const fields = [...restFieldsOf(settings.current()).values()];
    const text = JSON.stringify({
      name: 'API Lead',
      searchableFields: fields
        .filter(({ name, searchable }) => searchable || name === PARTITION_FIELD)
        .map(({ name }) => [name]),
      fields: fields.map(({ name, displayName, dataType, readOnly }) => ({
        name,
        displayName,
        dataType,
        ...lengthOf(dataType),
        updateable: !readOnly,
        crmManaged: false,
      })),
    });
    return Promise.resolve({ result: [text], outcome: 'DONE' });
  };
}

/** The partitions that the client may use. */
export function partitionsOperation({ settings }: { readonly settings: SettingsHolder }): Operation {
  return () => {
    const now = settings.current();
    const ids = partitionIds(now);
    const result = partitionsOf(now).flatMap(({ name, access, description }) =>
      access
        ? JSON.stringify({ id: ids.get(name), name, ...(description !== undefined && { description }) })
        : [],
    );
    return Promise.resolve({ result, outcome: 'DONE' });
  };
}

/** The calls of the day in US Central time. */
export function usageOperation({
  today,
  now,
}: {
  readonly today: () => number;
  readonly now: () => number;
}): Operation {
  return () => {
    const total = today();
    const text = JSON.stringify({
      date: new Date(now()).toLocaleDateString('sv-SE', { timeZone: 'America/Chicago' }),
      total,
      users: [{ userId: 'api@example.com', count: total }],
    });
    return Promise.resolve({ result: [text], outcome: 'DONE' });
  };
}
