import type { Partition, RestSettings } from '../settings.ts';
import { bool, ControlError, list, type Members, number, object, text } from './members.ts';

type Switches = Pick<RestSettings, 'readOnly' | 'describeSoapNames' | 'countTogether'>;

const SWITCHES = ['readOnly', 'describeSoapNames', 'countTogether'] as const;

/** `{ "readOnly": ["firstName"], "describeSoapNames": false }`: what is absent stays. */
export function readRestSwitches(body: unknown, now: Switches): Switches {
  return switchesOf(object(body, '', SWITCHES), now);
}

/** `{ "partitions": [{ "name": "Asia", "access": false, "description": "…" }] }` */
export function readPartitions(body: unknown): readonly Partition[] {
  return partitionsOf(object(body, '', ['partitions']));
}

/** All of them, as the state file has them. */
export function readRestSettings(saved: unknown): RestSettings {
  const members = object(saved, 'rest', [...SWITCHES, 'partitions']);
  const absent = SWITCHES.find((name) => members[name] === undefined);
  if (absent !== undefined) throw new ControlError(400, `rest.${absent} is absent.`);
  const now: Switches = { readOnly: [], describeSoapNames: true, countTogether: true };
  return { ...switchesOf(members, now), partitions: partitionsOf(members) };
}

function switchesOf(members: Members, now: Switches): Switches {
  const isGiven = (name: keyof Switches) => members[name] !== undefined;
  return {
    readOnly: isGiven('readOnly') ? list(members, 'readOnly').map(readName) : now.readOnly,
    describeSoapNames: isGiven('describeSoapNames')
      ? bool(members, 'describeSoapNames')
      : now.describeSoapNames,
    countTogether: isGiven('countTogether') ? bool(members, 'countTogether') : now.countTogether,
  };
}

function partitionsOf(given: Members): readonly Partition[] {
  const partitions = list(given, 'partitions').map((value, index) => {
    const members = object(value, `partitions[${index}]`, ['name', 'access', 'description']);
    return {
      name: text(members, 'name'),
      access: members['access'] === undefined ? true : bool(members, 'access'),
      ...(members['description'] !== undefined && { description: text(members, 'description') }),
    };
  });
  const names = partitions.map(({ name }) => name.toLowerCase());
  if (new Set(names).size < names.length) {
    throw new ControlError(400, 'partitions: two names are the same (names compare without case).');
  }
  return partitions;
}

function readName(value: unknown): string {
  if (typeof value !== 'string') throw new ControlError(400, 'readOnly must be a list of REST names.');
  return value;
}

/** Longer than any token lives by itself. */
const MAX_LIFE_S = 86_400;

/** `{ "secondsToLive": 0.5 }` */
export function readTokenLife(body: unknown): number {
  return number(object(body, '', ['secondsToLive']), 'secondsToLive', 0, MAX_LIFE_S);
}
