import { Agent, request } from 'undici'

/** Asks the API server for what is at a path; throws with its answer where that is not 200. */
export type Get = (path: string) => Promise<string>

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data'?: string } }[]
  users: { user: { 'client-certificate-data'?: string; 'client-key-data'?: string; token?: string } }[]
}

/**
 * Asks by HTTP as the kubeconfig says. kubectl takes a tenth of a second of a processor whenever it starts, and who waits
 * for something asks twice a second. Where the kubeconfig names a program to log in by, kubectl is asked after all.
 */
export async function reader(kubectl: (args: readonly string[]) => Promise<string>): Promise<Get> {
  const config = await kubectl(['config', 'view', '--raw', '--minify', '--flatten', '--output', 'json'])
  const { clusters, users } = JSON.parse(config) as Kubeconfig
  const [{ cluster }, { user }] = [clusters[0]!, users[0]!]
  const { token, 'client-certificate-data': certificate, 'client-key-data': key } = user
  if (!token && !certificate) return (path) => kubectl(['get', '--raw', path])
  const authority = cluster['certificate-authority-data']
  const dispatcher = new Agent({
    connect: {
      ...(authority ? { ca: decoded(authority) } : {}),
      ...(certificate && key ? { cert: decoded(certificate), key: decoded(key) } : {}),
    },
  })
  const headers = token ? { authorization: `Bearer ${token}` } : {}
  return async (path) => {
    const { statusCode, body } = await request(cluster.server + path, { dispatcher, headers })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`The API server answers ${path} with ${statusCode}: ${text}`)
    return text
  }
}

const decoded = (base64: string) => Buffer.from(base64, 'base64').toString()

/** Where each kind of object is, by its name in the plural, also with its group: `/apis/apps/v1` of `deployments`. */
export async function placesOf(get: Get): Promise<Map<string, string>> {
  const { groups } = JSON.parse(await get('/apis')) as {
    groups: { name: string; preferredVersion: { groupVersion: string } }[]
  }
  const versions = [
    { group: '', path: '/api/v1' },
    ...groups.map(({ name, preferredVersion: { groupVersion } }) => ({
      group: `.${name}`,
      path: `/apis/${groupVersion}`,
    })),
  ]
  const places = new Map<string, string>()
  for (const { group, path } of versions) {
    const { resources } = JSON.parse(await get(path)) as { resources: { name: string }[] }
    for (const { name } of resources) {
      if (!places.has(name)) places.set(name, path)
      places.set(name + group, path)
    }
  }
  return places
}
