import { readFileSync } from 'node:fs'

/** The version that a Go module of binaries/ requires, as its go.mod says: v1.34.10. */
export function requiredVersion(folder: string, module: string): string {
  const text = readFileSync(new URL(`binaries/${folder}/go.mod`, import.meta.url), 'utf8')
  const version = text.match(new RegExp(`\\s${RegExp.escape(module)} (v\\S+)`))?.[1]
  if (!version) throw new Error(`binaries/${folder}/go.mod does not require ${module}`)
  return version
}

export const versions = {
  kubernetes: requiredVersion('kubernetes', 'k8s.io/kubernetes'),
  /** The Go module has a commit's pseudo version; its API is this release line. */
  istio: '1.31.1',
  envoy: '1.40.0',
} as const
