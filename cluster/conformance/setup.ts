import { Agent, setGlobalDispatcher } from 'undici'
import { edgeAddress } from './harness/edge.ts'

// The edge's public name is known to nobody's name server; it answers at the address of its Service.
const address = await edgeAddress()
setGlobalDispatcher(
  new Agent({
    connect: {
      lookup: (_host, options, callback) =>
        options.all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4),
    },
  }),
)
