/** A tag of a repository in a registry that speaks plain HTTP, e.g. 10.199.0.2:5001, staffmesh/edge, dev. */
export interface Reference {
  registry: string
  repository: string
  tag: string
}

const accept = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

const urlOf = ({ registry, repository, tag }: Reference) =>
  `http://${registry}/v2/${repository}/manifests/${tag}`

/** The digest that a tag stands for; undefined where there is none. */
export async function digestOf(reference: Reference): Promise<string | undefined> {
  const response = await fetch(urlOf(reference), { method: 'HEAD', headers: { accept } })
  if (response.status === 404) return undefined
  return expected(reference, response).headers.get('docker-content-digest') ?? undefined
}

/** Lets a second tag of the repository stand for the same image. */
export async function retag(reference: Reference, tag: string): Promise<void> {
  const found = expected(reference, await fetch(urlOf(reference), { headers: { accept } }))
  const renamed = { ...reference, tag }
  const headers = { 'content-type': found.headers.get('content-type')! }
  expected(renamed, await fetch(urlOf(renamed), { method: 'PUT', headers, body: await found.arrayBuffer() }))
}

/** Lets nothing stand for images but those of these digests; their layers go with the registry's next collection. */
export async function forget(registry: string, kept: ReadonlySet<string>): Promise<void> {
  const ask = async <T>(path: string) => {
    const url = `http://${registry}/v2/${path}`
    const response = await fetch(url)
    if (!response.ok) throw new Error(`The registry answers ${response.status} to ${url}`)
    return (await response.json()) as T
  }
  const { repositories } = await ask<{ repositories: string[] }>('_catalog?n=1000')
  for (const repository of repositories) {
    const { tags } = await ask<{ tags: string[] | null }>(`${repository}/tags/list`)
    const digests = await Promise.all((tags ?? []).map((tag) => digestOf({ registry, repository, tag })))
    for (const digest of new Set(digests))
      if (digest && !kept.has(digest))
        await fetch(urlOf({ registry, repository, tag: digest }), { method: 'DELETE' })
  }
}

function expected(reference: Reference, response: Response): Response {
  if (!response.ok) throw new Error(`The registry answers ${response.status} to ${urlOf(reference)}`)
  return response
}
