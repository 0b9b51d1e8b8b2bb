import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { bundle } from '../../../bundle/bundle.ts'
import { kept, watching } from '../../../cdk8s/development.ts'
import { freePorts } from '../../../local/ports.ts'
import packageJson from '../../../package.json' with { type: 'json' }
import { buildTool } from '../../binaries/build.ts'
import { run } from '../../shell.ts'
import { layer, project, stage } from '../image.ts'
import { debian, developmentImage, slim } from '../images.ts'
import { nodeFolder } from '../stages.ts'
import { type Output, outputOf, type Unpacked, unpack } from './container.ts'

/** It has no database, so that it starts alone. */
const service = 'workforce'

/** The base that an image of npm's would be elsewhere: this machine's npm, and its authorities where it has some. */
const withNpm = layer({
  base: debian,
  files: async () => {
    const npm = await run('sh', ['-c', 'readlink -f "$(command -v npm)"'])
    const authorities = process.env.NODE_EXTRA_CA_CERTS
    return {
      '/usr/bin/node': join(await nodeFolder(), 'bin', 'node'),
      '/usr/lib/node_modules/npm': dirname(dirname(npm.trim())),
      ...(authorities ? { '/etc/ssl/certs/ca-certificates.crt': authorities } : {}),
    }
  },
  settings: [
    'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/bin/npm',
    'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt',
  ],
})

/** Every stage is built, as with docker build. */
const whole = stage({
  target: 'production',
  args: { SERVICE: service },
  images: { BUILD_IMAGE: withNpm, RUNTIME_IMAGE: slim },
  given: {},
  sources: ['services', 'bundle', 'package.json', 'package-lock.json', '.npmrc', 'tsconfig.json'],
})

const env = async () => {
  const [port] = await freePorts(1)
  return { IDENTITY_HEADERS: 'loopback', PORT: String(port), PUBLIC_URL: 'http://localhost' }
}

/** Waits until a process answers so; answers with the milliseconds, and throws what it has written where it has ended. */
async function until(answer: string, { PORT }: { PORT: string }, process: ChildProcess, output: Output) {
  const start = performance.now()
  const answered = () =>
    fetch(`http://127.0.0.1:${PORT}/livez`, { headers: { connection: 'close' } }).then(
      async (response) => (await response.text()) === answer,
      () => false,
    )
  while (!(await answered())) {
    if (process.exitCode !== null) throw new Error(output.soFar)
    await new Promise((resume) => setTimeout(resume, 5))
  }
  return performance.now() - start
}

describe.skipIf(!inject('canBuildImages'))('the Dockerfile', () => {
  it('is what docker build takes, without a warning', async () => {
    const buildkit = join(await buildTool('buildkit'), 'buildkit')
    const said = await run(buildkit, ['Dockerfile', 'production', 'development'], { cwd: project })
    expect(said).toBe('production runs as 65532:65532\ndevelopment runs as 65532:65532\n')
  }, 900_000)
})

describe.skipIf(!inject('canBuildImages'))('an image of a service', () => {
  let image: Unpacked
  beforeAll(async () => {
    image = await unpack(whole)
  })
  afterAll(() => image?.remove())

  it('takes less than 200 MB', () => {
    console.info(`${service}: ${Math.round(image.size / 1e6)} MB`)
    expect(image.size).toBeLessThan(200e6)
  })

  it('says what it is, and does not run as root', () => {
    expect(image.config).toMatchObject({
      User: '65532:65532',
      Labels: {
        'org.opencontainers.image.title': `staffmesh ${service}`,
        'org.opencontainers.image.version': packageJson.version,
        'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}/),
      },
    })
  })

  it('has no shell, no npm and no compiler', () => {
    const folders = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/local/bin']
    const programs = ['sh', 'bash', 'dash', 'ash', 'busybox', 'npm', 'npx', 'perl', 'python3', 'gcc', 'apt']
    const found = folders.flatMap((folder) => programs.map((name) => join(folder, name)))
    expect(existsSync(join(image.root, 'usr/bin/node'))).toBe(true)
    expect(found.filter((path) => existsSync(join(image.root, path)))).toEqual([])
  })

  it('holds the same bundle as this machine makes, with its bill of materials', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'staffmesh-image-'))
    try {
      await bundle(service, folder)
      expect((await readdir(join(image.root, 'app'))).sort()).toEqual((await readdir(folder)).sort())
      for (const name of ['main.js', 'main.js.map'])
        expect(await readFile(join(image.root, 'app', name), 'utf8')).toBe(
          await readFile(join(folder, name), 'utf8'),
        )
      const { components } = JSON.parse(await readFile(join(image.root, 'app', 'bom.json'), 'utf8'))
      expect(components).toContainEqual(
        expect.objectContaining({ name: 'hono', version: packageJson.dependencies.hono }),
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('answers within a second of its start, from a read-only root', async () => {
    const times: number[] = []
    // The machine may have something else to do: the least of a few is what the image takes.
    for (let count = 0; count < 5; count++) {
      const settings = await env()
      const process = image.start({ env: settings })
      const output = outputOf(process)
      try {
        times.push(await until('ok', settings, process, output))
      } finally {
        process.kill()
      }
      await output.whole
    }
    console.info(`${service} answers after ${Math.round(Math.min(...times))} ms`)
    expect(Math.min(...times)).toBeLessThan(1000)
  })

  it('names the source in stack traces', async () => {
    expect(await outputOf(image.start({ env: { IDENTITY_HEADERS: '' } })).whole).toMatch(
      /services\/kit\/config\.ts:\d+/,
    )
  })
})

describe.skipIf(!inject('canBuildImages'))('the image for development', () => {
  let image: Unpacked
  let sources: string
  beforeAll(async () => {
    image = await unpack(developmentImage)
    sources = await mkdtemp(join(tmpdir(), 'staffmesh-sources-'))
    const [user, group] = image.config.User.split(':').map(Number) as [number, number]
    await chown(sources, user, group)
  })
  afterAll(async () => {
    await image?.remove()
    await rm(sources, { recursive: true, force: true })
  })

  it('runs the sources, takes edits as a tar archive, and survives a broken one', async () => {
    const settings = { ...(await env()), SHUTDOWN_GRACE_MS: '500' }
    const volumes = { '/staffmesh/services': sources }
    expect(
      await outputOf(image.start({ command: ['cp', '-R', `${kept}/.`, 'services'], volumes })).whole,
    ).toBe('')
    const command = ['node', ...watching, `services/${service}/main.ts`]
    const process = image.start({ command, env: settings, volumes })
    const output = outputOf(process)
    const edit = async (answer: string) => {
      const changed = await mkdtemp(join(tmpdir(), 'staffmesh-edit-'))
      const file = 'services/kit/listen.ts'
      await mkdir(join(changed, dirname(file)), { recursive: true })
      const text = await readFile(join(project, file), 'utf8')
      await writeFile(join(changed, file), text.replace("c.text('ok')", answer))
      await run('tar', ['--create', '--file', join(changed, 'edit.tar'), '--directory', changed, file])
      const command = ['tar', '--extract', '--file', '-', '--directory', '/staffmesh']
      const extract = image.start({ command, volumes })
      extract.stdin!.end(await readFile(join(changed, 'edit.tar')))
      expect(await outputOf(extract).whole).toBe('')
      await rm(changed, { recursive: true })
    }
    try {
      await until('ok', settings, process, output)
      await edit("c.text('edited')")
      console.info(
        `${service} answers with an edit after ${Math.round(await until('edited', settings, process, output))} ms`,
      )
      await edit('c.text(')
      await vi.waitFor(() => expect(output.soFar).toMatch(/SyntaxError/), 20_000)
      await edit("c.text('mended')")
      await until('mended', settings, process, output)
    } finally {
      process.kill()
    }
  })
})
