import { readFile } from 'node:fs/promises'
import { command } from './command.ts'
import { folders } from './node/folders.ts'
import { Refusal } from './shell.ts'

/** Prints the administrator's kubeconfig; it names its certificates by path. */
await command(async () => {
  const config = await readFile(folders().kubeconfig, 'utf8').catch(() => undefined)
  if (!config) throw new Refusal('There is no cluster: npm run cluster:up')
  process.stdout.write(`${config}\n`)
})
