import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Company, newCompany } from '../../cluster/conformance/harness/company.ts'
import { publicUrl } from '../../cluster/conformance/harness/edge.ts'
import { eventually } from '../../cluster/conformance/harness/eventually.ts'
import { kubectl, list, readyPods } from '../../cluster/conformance/harness/kubernetes.ts'
import { measured } from '../../cluster/conformance/harness/report.ts'
import { contextName, nodeName } from '../../cluster/node/addresses.ts'
import { run, until } from '../../cluster/shell.ts'
import { namespaces } from '../../mesh/resource.ts'
import { type Checkout, copyOfSources } from './checkout.ts'
import { isGreen, type Tilt, tiltOn, type Up } from './tilt.ts'

/** An answer that is edited: what the edge tells of the company's units. */
const file = 'services/workforce/handlers/organization.ts'
const original = 'getOrgTree: (input, call) => directory(call).getOrgTree(scoped(input, call)),'
const renamed = (name: string) => `async getOrgTree(input, call) {
    const tree = await directory(call).getOrgTree(scoped(input, call))
    return JSON.parse(JSON.stringify(tree).replaceAll('Optics', '${name}'))
  },`

describe('tilt, on the bare cluster', () => {
  let checkout: Checkout
  let tilt: Tilt
  let up: Up | undefined
  let company: Company
  let source: string

  beforeAll(async () => {
    checkout = await copyOfSources()
    tilt = await tiltOn(checkout.folder)
    source = await readFile(join(checkout.folder, file), 'utf8')
    expect(source).toContain(original)
    await clear(checkout.folder)
  })

  afterAll(async () => {
    await up?.end()
    await clear(checkout.folder)
    await checkout.remove()
  })

  const write = (text: string) => writeFile(join(checkout.folder, file), text)
  const edit = (name: string) => write(source.replace(original, renamed(name)))

  /** The names of the company's units, as the edge tells them. */
  async function units(): Promise<string> {
    const response = await fetch(`${publicUrl}/v1/org-units`, {
      headers: { authorization: `Bearer ${await company.token()}` },
    })
    return `${response.status} ${await response.text()}`
  }

  /** Milliseconds until the edge tells this. */
  async function told(what: string): Promise<number> {
    const start = performance.now()
    await until(
      `The edge tells ${what}`,
      async () => {
        const now = await units()
        if (!now.startsWith('200') || !now.includes(what)) throw new Error(now)
      },
      { seconds: 60, pause: 50 },
    )
    return performance.now() - start
  }

  const green = () =>
    eventually(
      'Everything is green',
      async () => {
        const waiting = (await up!.resources()).filter((resource) => !isGreen(resource))
        if (waiting.length > 0) throw new Error(JSON.stringify(waiting))
      },
      120,
    )

  it('brings all of it up, and ends green', { timeout: 600_000 }, async () => {
    const start = performance.now()
    await tilt.run('ci', '--timeout', '9m')
    measured('tilt ci, s', Math.round((performance.now() - start) / 1000))
    await import('../../cluster/conformance/setup.ts')
    company = await newCompany()
    const response = await fetch(`${publicUrl}/v1/org-units`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await company.token()}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ name: 'Optics', code: 'OPT', opensOn: '2026-01-01' }),
    })
    expect(`${response.status} ${await response.text()}`).toMatch(/^201/)
  })

  it('fits a machine of 2 cores and 8 GiB', async () => {
    const { pods } = JSON.parse(
      await kubectl(['get', '--raw', `/api/v1/nodes/${nodeName}/proxy/stats/summary`]),
    ) as Summary
    const used = sum(
      pods.flatMap(({ containers = [] }) => containers.map(({ memory }) => memory?.workingSetBytes ?? 0)),
    )
    measured('memory of all pods, MiB', Math.round(used / 2 ** 20))
    expect(used).toBeLessThan(5 * 2 ** 30)
    const requests = await requested()
    measured('requested, cores', requests.cores)
    measured('requested, MiB', Math.round(requests.bytes / 2 ** 20))
    expect(requests.cores).toBeLessThan(2)
    expect(requests.bytes).toBeLessThan(5 * 2 ** 30)
  })

  it('serves an edit at the edge within three seconds', { timeout: 300_000 }, async () => {
    up = tilt.up()
    await green()
    const taken: number[] = []
    for (const name of ['Optics-one', 'Optics-two', 'Optics-three']) {
      await edit(name)
      taken.push(await told(name))
      await green()
    }
    measured('edit until served, ms', taken.map(Math.round).join(', '))
    // The best of three: other work on the machine makes each slower, and none faster.
    expect(Math.min(...taken)).toBeLessThan(3000)
  })

  it('brings what was edited into a pod that comes later', async () => {
    const selector = 'app.kubernetes.io/name=workforce'
    const [before] = await readyPods(namespaces.services, selector)
    await kubectl(['delete', 'pod', before!.metadata.name, '--namespace', namespaces.services])
    await eventually('Another pod is ready', async () => {
      const [now] = await readyPods(namespaces.services, selector)
      if (!now || now.metadata.name === before!.metadata.name) throw new Error('None yet')
    })
    await told('Optics-three')
    await green()
  })

  it('mends what was broken without a new pod', async () => {
    const selector = 'app.kubernetes.io/name=workforce'
    const [before] = await readyPods(namespaces.services, selector)
    const heard = up!.said().length
    await write(source.replace(original, `${original} }`))
    await eventually('The program fails, and Tilt shows it', async () => {
      if (!up!.said().slice(heard).includes('Failed running')) throw new Error('Not yet')
    })
    // Its container stands there, with nobody in it who answers.
    expect(await units()).not.toMatch(/^200/)
    await edit('Optics-mended')
    await told('Optics-mended')
    await green()
    const pods = await list('pods', namespaces.services, selector)
    expect(pods.map(({ metadata }) => metadata.name)).toEqual([before!.metadata.name])
    expect(
      pods[0]!.status.containerStatuses.map((status: { restartCount: number }) => status.restartCount),
    ).toEqual([0])
  })

  it('leaves nothing', { timeout: 240_000 }, async () => {
    await up!.end()
    up = undefined
    await tilt.run('down')
    const left = (await list('namespaces')).map(({ metadata }) => metadata.name)
    expect(left.filter((name) => (Object.values(namespaces) as string[]).includes(name))).toEqual([])
    const above = await list('validatingadmissionpolicies,validatingadmissionpolicybindings')
    expect(above.map(({ metadata }) => metadata.name)).toEqual([])
    const volumes = await list('persistentvolumes')
    expect(volumes.map(({ status }) => status.phase)).toEqual(['Available'])
  })
})

const clear = (folder: string) =>
  run(process.execPath, ['tilt/clear.ts', '--context', contextName], { cwd: folder })

interface Summary {
  pods: { containers?: { memory?: { workingSetBytes?: number } }[] }[]
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** What all pods of the cluster that run ask for. */
async function requested(): Promise<{ cores: number; bytes: number }> {
  const pods = (await list('pods')).filter(({ status }) => status.phase === 'Running')
  const containers = pods.flatMap(({ spec }) => [
    ...spec.containers,
    // Sidecars, which go on beside them.
    ...(spec.initContainers ?? []).filter((container: { restartPolicy?: string }) => container.restartPolicy),
  ])
  const asked = containers.map(({ resources }) => resources?.requests ?? {})
  return {
    cores: sum(asked.map(({ cpu = '0' }) => quantity(cpu))),
    bytes: sum(asked.map(({ memory = '0' }) => quantity(memory))),
  }
}

const factors = { m: 1e-3, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 } as const

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
function quantity(text: string): number {
  const [, number, unit] = text.match(/^([\d.]+)(m|Ki|Mi|Gi)?$/)!
  return Number(number) * (unit ? factors[unit as keyof typeof factors] : 1)
}
