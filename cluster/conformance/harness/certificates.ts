import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../shell.ts'

/** As PEM. */
export interface Certificate {
  certificate: string
  key: string
}

const kindOf = (host: string) => (host.includes('://') ? 'URI' : 'DNS')

/** An authority that nobody knows yet, and a certificate of its for each of these hosts, or identities (`spiffe://…`). */
export async function certificatesFor<Host extends string>(
  hosts: readonly Host[],
): Promise<{ authority: string; of: Record<Host, Certificate> }> {
  const folder = await mkdtemp(join(tmpdir(), 'staffmesh-certificates-'))
  const make = async (subject: string, ...options: string[]): Promise<Certificate> => {
    const name = encodeURIComponent(subject)
    await run(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
        ...['-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.crt`, ...options],
      ],
      { cwd: folder },
    )
    const read = (file: string) => readFile(join(folder, file), 'utf8')
    return { certificate: await read(`${name}.crt`), key: await read(`${name}.key`) }
  }
  try {
    const { certificate: authority } = await make('authority')
    const issued: [Host, Certificate][] = []
    for (const host of hosts) {
      const options = ['-CA', 'authority.crt', '-CAkey', 'authority.key']
      const extensions = ['basicConstraints=critical,CA:false', `subjectAltName=${kindOf(host)}:${host}`]
      issued.push([host, await make(host, ...options, ...extensions.flatMap((each) => ['-addext', each]))])
    }
    return { authority, of: Object.fromEntries(issued) as Record<Host, Certificate> }
  } finally {
    await rm(folder, { recursive: true })
  }
}
