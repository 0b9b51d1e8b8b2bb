import { closeSync, openSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { dirname, join } from 'node:path'
import type { Binaries } from '../binaries/build.ts'
import { Refusal, run, step, until } from '../shell.ts'
import { makeCgroups } from './cgroups.ts'
import { type Component, cniConfig, components } from './components.ts'
import { folders } from './folders.ts'
import { findNode, type Node, startNode } from './namespaces.ts'
import { connect } from './network.ts'
import { inPki, makeCertificates } from './pki.ts'
import { stopNode } from './stop.ts'

/** Where distributions put the CNI plugins. */
const pluginFolders = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni']

/** Starts what does not run yet; what does is left alone. */
export async function startNodeProcesses(binaries: Binaries): Promise<Node> {
  const found = await findNode()
  if (found && !(await found.isComplete())) await stopNode()
  else if (found) await refuseOther(binaries)
  const node = (await findNode()) ?? (await step('Make the node’s namespaces', startNode))
  await connect(node)
  await makeCgroups()
  await makeCertificates()
  await installNetworkPlugins()
  await mkdir(folders().logs, { recursive: true })
  await rm(folders().kubectl, { force: true })
  await symlink(join(binaries.kubernetes, 'kubectl'), folders().kubectl)
  await writeFile(startedAs(), JSON.stringify(components(binaries)))
  for (const component of components(binaries)) {
    if (await isHealthy(node, component)) continue
    await step(`Start ${component.name}`, () => start(node, component))
  }
  return node
}

/** What the processes of the node were started as. */
const startedAs = () => join(folders().node, 'components.json')

/** Processes that run go on as what they are; of another version or configuration they would be mixed. */
async function refuseOther(binaries: Binaries): Promise<void> {
  const started = await readFile(startedAs(), 'utf8').catch(() => undefined)
  if (started !== undefined && started !== JSON.stringify(components(binaries)))
    throw new Refusal(
      'The cluster that is up has other versions or settings: npm run cluster:down, then again',
    )
}

async function start(node: Node, component: Component): Promise<void> {
  for (const [path, content] of Object.entries(component.files ?? {})) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
  const logFile = join(folders().logs, `${component.name}.log`)
  const log = openSync(logFile, 'a')
  node.start(component.program, component.args, log)
  closeSync(log)
  try {
    await until(`${component.name} is healthy`, async () => {
      if (!(await isHealthy(node, component))) throw new Error('It does not answer')
    })
  } catch (error) {
    const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-12)
    throw new Refusal(`${(error as Error).message}\nThe end of its log, ${logFile}:\n${lines.join('\n')}`)
  }
  if (component.name === 'containerd') await removeFormerContainers(node)
}

/** Of a node that was ended; their images are of use still. */
async function removeFormerContainers(node: Node): Promise<void> {
  const former = (await node.run('ctr', ['--namespace', 'k8s.io', 'containers', 'list', '--quiet']))
    .split('\n')
    .filter(Boolean)
  if (former.length > 0) await node.run('ctr', ['--namespace', 'k8s.io', 'containers', 'delete', ...former])
}

export async function isHealthy(node: Node, { health, asAdmin }: Component): Promise<boolean> {
  if (!health)
    return node.run('ctr', ['version']).then(
      () => true,
      () => false,
    )
  const certificate = asAdmin
    ? { cert: await readFile(inPki('admin.crt')), key: await readFile(inPki('admin.key')) }
    : {}
  const request = health.startsWith('https:') ? httpsRequest : httpRequest
  // Whether it works is asked, not who it is; kubectl verifies.
  const options = { ...certificate, rejectUnauthorized: false, timeout: 3000 }
  return new Promise((resolve) => {
    const asked = request(health, options, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.on('error', () => resolve(false)).on('timeout', () => asked.destroy())
    asked.end()
  })
}

async function installNetworkPlugins(): Promise<void> {
  const { bin, conf } = folders().cni
  await mkdir(bin, { recursive: true })
  await mkdir(conf, { recursive: true })
  const from = await networkPlugins()
  for (const plugin of ['bridge', 'host-local', 'loopback'])
    await copyFile(join(from, plugin), join(bin, plugin))
  // istio-cni chains itself into this file; a second start must leave that.
  const file = join(conf, '10-staffmesh.conflist')
  const chained = await readFile(file, 'utf8').catch(() => undefined)
  if (!chained) await writeFile(file, JSON.stringify(cniConfig, null, 2))
}

export async function networkPlugins(): Promise<string> {
  for (const folder of pluginFolders)
    if ((await readdir(folder).catch(() => [] as string[])).includes('host-local')) return folder
  throw new Refusal('Missing on this machine: the CNI plugins (package containernetworking-plugins)')
}

export const kubectl = (args: readonly string[], input?: string) =>
  run(folders().kubectl, ['--kubeconfig', folders().kubeconfig, ...args], { input })
