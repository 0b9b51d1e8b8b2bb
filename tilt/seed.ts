import { mkdir } from 'node:fs/promises'
import { command } from '../cluster/command.ts'
import { forwardPort } from '../cluster/forward.ts'
import { keepOperator } from '../cluster/platform/operator.ts'
import { Refusal } from '../cluster/shell.ts'
import { markFirstStart, readDemo, seed } from '../local/demo.ts'
import { namespaces, servicePort } from '../mesh/resource.ts'
import { target } from './target.ts'

/** Enters the demo company, as the local run does at its first start: past the edge, at the services themselves. */
await command(async () => {
  const { command: kubectl, kubectl: ask, data } = target()
  const tunnels = await Promise.all(
    ['identity', 'directory', 'leave'].map(async (name) => {
      const pod = { namespace: namespaces.services, name: `deployment/${name}` }
      return { name, ...(await forwardPort(kubectl, pod, servicePort)) }
    }),
  )
  try {
    await mkdir(data, { recursive: true })
    await markFirstStart(data)
    const addresses = tunnels.map(({ name, port }) => [name, `http://127.0.0.1:${port}`])
    await seed(data, Object.fromEntries(addresses), {}).catch((error: Error) => {
      throw new Refusal(`${error.message}\nIf this company is there already: reset first.`)
    })
  } finally {
    for (const tunnel of tunnels) tunnel.close()
  }
  const { accounts } = (await readDemo(data))!
  // The first operator is the only one; the mesh suite goes on with it.
  await keepOperator(ask, accounts.find(({ role }) => role === 'operator')!)
  for (const { role, company, email, password } of accounts)
    process.stdout.write(`${role.padEnd(10)}${company.padEnd(12)}${email.padEnd(44)}${password}\n`)
})
