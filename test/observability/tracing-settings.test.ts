import { describe, expect, test } from 'vitest';
import { readTracingSettings } from '../../src/observability/tracing.ts';

const ENDPOINT = 'http://collector:4318';

describe('traces', () => {
  test.each<Record<string, string>>([
    {},
    { OTEL_TRACES_EXPORTER: '' },
    { OTEL_TRACES_EXPORTER: 'none' },
    { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT },
    { OTEL_SDK_DISABLED: 'TRUE', OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT },
    { OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'otlp' },
    { OTEL_SERVICE_NAME: 'leads' },
  ])('are not asked for by %o', (env) => {
    expect(readTracingSettings(env)).toEqual({ tracing: null, mistakes: [] });
  });

  test.each<[Record<string, string>, string]>([
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, 'http/protobuf'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, 'http/protobuf'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ENDPOINT, OTEL_SDK_DISABLED: 'no' }, 'http/protobuf'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, 'http/json'],
    [
      {
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
      },
      'http/json',
    ],
    [{ OTEL_TRACES_EXPORTER: 'console' }, 'console'],
  ])('are asked for by %o and go by %s', (env, exporter) => {
    expect(readTracingSettings(env)).toMatchObject({ tracing: { exporter, maxLinks: 1000 }, mistakes: [] });
  });

  test('have as many links as the environment says', () => {
    const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_SPAN_LINK_COUNT_LIMIT: '5' };
    expect(readTracingSettings(env).tracing?.maxLinks).toBeNull();
  });
});

test.each([
  ['OTEL_TRACES_EXPORTER', 'zipkin'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'nowhere'],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
  ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'grpc'],
  ['OTEL_TRACES_SAMPLER', 'sometimes'],
  ['OTEL_TRACES_SAMPLER_ARG', '2'],
  ['OTEL_TRACES_SAMPLER_ARG', 'half'],
  ['OTEL_SPAN_LINK_COUNT_LIMIT', 'all'],
  ['OTEL_SPAN_LINK_COUNT_LIMIT', '-1'],
])('a mistake in %s is reported by its name', (name, value) => {
  const { mistakes } = readTracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, [name]: value });
  expect(mistakes).toEqual([expect.stringMatching(new RegExp(`^${name} must be `))]);
});
