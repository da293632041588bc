import type { Agent } from 'node:http';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Logger } from './logger.ts';
import type { TracingSettings } from './tracing.ts';

export type ProviderDeps = {
  readonly logger: Logger;
  readonly version: string;
  /** Creates the agent that spans are sent through; undefined without a proxy. */
  readonly traceAgent?: (() => Agent) | undefined;
};

/** Creates what samples, batches and exports spans, configured by OpenTelemetry's variables. */
export async function createProvider(
  settings: TracingSettings,
  { logger, version, traceAgent }: ProviderDeps,
) {
  const sdk = await load(() => import('@opentelemetry/sdk-trace-base'));
  const resources = await load(() => import('@opentelemetry/resources'));
  const exporter = watched(await createExporter(settings, sdk.ConsoleSpanExporter, traceAgent), logger);
  return new sdk.BasicTracerProvider({
    // The environment comes last and wins: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.name': 'lead-gateway', 'service.version': version }))
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter)],
    ...(settings.maxLinks !== null && { spanLimits: { linkCountLimit: settings.maxLinks } }),
  });
}

async function createExporter(
  { exporter }: TracingSettings,
  Console: new () => SpanExporter,
  traceAgent: ProviderDeps['traceAgent'],
): Promise<SpanExporter> {
  const options = traceAgent === undefined ? {} : { httpAgentOptions: traceAgent };
  switch (exporter) {
    case 'console':
      return new Console();
    case 'http/json': {
      const { OTLPTraceExporter } = await load(() => import('@opentelemetry/exporter-trace-otlp-http'));
      return new OTLPTraceExporter(options);
    }
    case 'http/protobuf': {
      const { OTLPTraceExporter } = await load(() => import('@opentelemetry/exporter-trace-otlp-proto'));
      return new OTLPTraceExporter(options);
    }
  }
}

/** Logs once when spans cannot be sent, and once when they can again. */
function watched(exporter: SpanExporter, logger: Logger): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const hasFailed = (result.code as number) !== 0;
        if (hasFailed && !isFailing) logger.warn({ err: result.error }, 'traces cannot be sent');
        if (!hasFailed && isFailing) logger.info({}, 'traces are sent again');
        isFailing = hasFailed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

/** @throws an error that names the optional package, if it is not installed */
export async function load<Module>(importIt: () => Promise<Module>): Promise<Module> {
  try {
    return await importIt();
  } catch (error) {
    const [, name] = /'(@opentelemetry\/[\w-]+)/.exec(String(error)) ?? [];
    if (name === undefined) throw error;
    throw new Error(
      `OTEL_TRACES_EXPORTER or an OTLP endpoint switches traces on, but ${name} is not installed: run npm install ${name}, or set OTEL_SDK_DISABLED=true.`,
      { cause: error },
    );
  }
}
