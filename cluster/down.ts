import { alone, command } from './command.ts'
import { stopNode } from './node/stop.ts'

await command(async () => {
  const release = alone()
  const was = await stopNode()
  release()
  process.stdout.write(
    was ? 'The cluster is gone; what was built for it is kept.\n' : 'There is no cluster.\n',
  )
})
