import { command } from '../cluster/command.ts'
import { giveAddress } from '../cluster/platform/install.ts'

/** The bare cluster has nobody who gives a load balancer an address. */
await command(giveAddress)
