/** What the doctor knows of a machine. */
export interface Facts {
  /** linux, darwin, … */
  platform: string
  /** x64, arm64, … */
  architecture: string
  /** What installs packages here. */
  installer: 'apt' | 'brew' | undefined
  root: boolean
  glibc: boolean
  /** Versions: of the Node that runs this, of the one that runs npm, and of Go. */
  node: string
  npmNode: string | undefined
  go: string | undefined
  /** Gibibytes of memory, and that are free in the checkout and in the cluster's cache. */
  memory: number
  free: { checkout: number; cache: number }
  /** Programs that were looked for and are on PATH. */
  programs: ReadonlySet<string>
  /** Whether a Docker engine answers. */
  docker: boolean
  /** Ports of the loopback address that somebody listens at. */
  takenPorts: ReadonlySet<number>
  /** Whether there is the cluster of kind.yaml, which has its ports. */
  kind: boolean
  /** Whether the cluster without Docker was ever built here, and is up. */
  cluster: { built: boolean; up: boolean }
  /** Why the kernel refuses what a cluster's node does; nobody asked it where something else is missing. */
  refused?: string
}
