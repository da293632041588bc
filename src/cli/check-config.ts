import { defineCommand, ENV_FILE, EXIT_CONFIG, JSON_OUTPUT, print, printJson } from './command.ts';
import { describeDirect, describeProxies } from '../config/proxies.ts';
import { findConfig, listenComplaints, type Loaded, mistaken } from './configuration.ts';
import { counted } from '../text/counted.ts';
import { outboxComplaints } from './outbox/place.ts';

/** `lead-gateway check-config`: reports every mistake in the configuration, or the values in effect. */
export const checkConfig = defineCommand({
  name: 'check-config',
  summary: 'check the configuration, report every mistake, show the values in effect',
  options: { ...ENV_FILE, ...JSON_OUTPUT },
  notes: `It also checks that this machine can listen on the addresses, and that the folder of OUTBOX_URL is there; the outbox is
neither opened nor made. Secrets are shown as (set), long maps by their number of names; --json has those in full.
`,
  run: async (own, { 'env-file': envFiles, json }) => {
    const read = findConfig(own, envFiles);
    const mistakes = read.ok
      ? [...outboxComplaints(read.config), ...(await listenComplaints(read.config))]
      : read.mistakes;
    if (!read.ok || mistakes.length > 0) {
      if (!json) throw mistaken(mistakes);
      printJson({ isValid: false, mistakes });
      return EXIT_CONFIG;
    }
    if (json) printJson(asJson(read));
    else print(asText(read));
    return 0;
  },
});

function upstreamOf({ config: { upstream } }: Loaded): string | null {
  return upstream?.endpoint.href ?? null;
}

function asJson(loaded: Loaded): unknown {
  const { settings, warnings } = loaded;
  const proxies = describeProxies(loaded.config);
  const direct = describeDirect(loaded.config);
  return { isValid: true, mistakes: [], warnings, upstream: upstreamOf(loaded), proxies, direct, settings };
}

function asText(loaded: Loaded): string {
  const { settings, warnings } = loaded;
  const upstream = upstreamOf(loaded) ?? 'the embedded sandbox';
  const nameWidth = Math.max(...settings.map(({ name }) => name.length));
  const valueWidth = Math.min(40, Math.max(...settings.map(({ value }) => value?.length ?? 0)));
  return [
    `The configuration is valid. The upstream is ${upstream}.`,
    ...describeProxies(loaded.config).map((proxy) => `The proxy is ${proxy}.`),
    ...describeDirect(loaded.config).map((what) => `Reached without the proxy: ${what}.`),
    ...warnings.map((warning) => `Warning: ${warning}.`),
    '',
    ...settings.map(
      ({ name, value, source }) =>
        `${name.padEnd(nameWidth)}  ${shortened(value ?? '-').padEnd(valueWidth)}  ${source}`,
    ),
    '',
  ].join('\n');
}

/** A map may have hundreds of names, and one line of them hides the other lines. */
const MAX_SHOWN = 200;

function shortened(value: string): string {
  if (value.length <= MAX_SHOWN || !value.startsWith('{')) return value;
  return counted(Object.keys(JSON.parse(value) as object).length, 'name');
}
