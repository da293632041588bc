import type { Partition, RestSettings } from '../settings.ts';
import { bool, ControlError, list, object, text } from './members.ts';

const MEMBERS = ['readOnly', 'describeSoapNames', 'countTogether', 'partitions'];

/** `{ "readOnly": ["firstName"], "describeSoapNames": false }`: what is absent stays. */
export function readRestSettings(body: unknown, now: RestSettings): RestSettings {
  const members = object(body, '', MEMBERS);
  const { readOnly, describeSoapNames, countTogether, partitions } = members;
  return {
    readOnly: readOnly === undefined ? now.readOnly : texts(list(members, 'readOnly'), 'readOnly'),
    describeSoapNames:
      describeSoapNames === undefined ? now.describeSoapNames : bool(members, 'describeSoapNames'),
    countTogether: countTogether === undefined ? now.countTogether : bool(members, 'countTogether'),
    partitions: partitions === undefined ? now.partitions : list(members, 'partitions').map(readPartition),
  };
}

function readPartition(value: unknown, index: number): Partition {
  const members = object(value, `partitions[${index}]`, ['name', 'access', 'description']);
  return {
    name: text(members, 'name'),
    access: members['access'] === undefined ? true : bool(members, 'access'),
    ...(members['description'] !== undefined && { description: text(members, 'description') }),
  };
}

function texts(values: readonly unknown[], name: string): readonly string[] {
  return values.map((value) => {
    if (typeof value !== 'string') throw new ControlError(400, `${name} must be a list of names.`);
    return value;
  });
}
