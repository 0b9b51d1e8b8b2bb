import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { diffOf } from './object-diff.ts'

const account = (name: string, token: boolean) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: 'staffmesh' },
  automountServiceAccountToken: token,
})

it('shows what changes in which object', async () => {
  const difference = await diffOf(
    [account('directory', false), account('identity', false)],
    [account('identity', true), account('directory', false)],
  )
  expect(difference).toContain('1 file changed')
  expect(difference).toContain('+++ after/staffmesh ServiceAccount identity.yaml')
  expect(difference).toContain('-automountServiceAccountToken: false\n+automountServiceAccountToken: true')
  expect(difference).not.toContain('directory')
})

it('is empty where nothing changes', async () => {
  expect(await diffOf([account('identity', false)], [account('identity', false)])).toBe('')
})

const node = (...args: string[]) =>
  promisify(execFile)(process.execPath, args, { cwd: join(import.meta.dirname, '..') })

it('compares with a folder of manifests', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'staffmesh-base-'))
  try {
    await node('cdk8s/synth.ts', '--env', 'bare', '--out', folder)
    const { stdout } = await node('cdk8s/diff.ts', '--env', 'bare', '--base', folder)
    expect(stdout).toBe(`bare: nothing changes against ${folder}\n`)
  } finally {
    await rm(folder, { recursive: true })
  }
  // Two processes that synthesize everything: seconds, on a machine that does nothing else.
}, 60_000)

it('refuses a base that is not there, with the remedy', async () => {
  const compared = node('cdk8s/diff.ts', '--env', 'bare', '--base', 'no-such-revision')
  await expect(compared).rejects.toMatchObject({
    stderr: expect.stringContaining('use --base <folder of manifests>|<revision>'),
  })
})
