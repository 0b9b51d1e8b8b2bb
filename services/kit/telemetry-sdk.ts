/** Starts the OpenTelemetry SDK where an OTLP endpoint is configured; without one nothing is loaded or sent. */
export async function startTelemetry(service: string): Promise<{ stop(): Promise<void> }> {
  if (!process.env.OTEL_EXPORTER_OTLP_ENDPOINT) return { stop: async () => {} }
  const { startSdk } = await import('./telemetry-otel.ts')
  return startSdk(service)
}
