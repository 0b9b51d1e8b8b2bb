import { refuseUnable } from './able.ts'
import { command } from './command.ts'

/** Tells whether this machine can have a cluster, and else why not. */
await command(refuseUnable)
