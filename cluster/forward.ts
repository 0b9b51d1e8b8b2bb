import { spawn } from 'node:child_process'

/**
 * A port of a pod on this machine, past its proxy: it ends in the pod's loopback.
 *
 * @param kubectl the program, and what names the cluster
 * @param name of a pod, or of what has pods: deployment/identity
 */
export async function forwardPort(
  kubectl: readonly [string, ...string[]],
  { namespace, name }: { namespace: string; name: string },
  port: number,
): Promise<{ port: number; close(): void }> {
  const [program, ...target] = kubectl
  const child = spawn(program, [...target, 'port-forward', '--namespace', namespace, name, `:${port}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const local = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`port-forward ended with ${code}: ${said}`)))
    child.stderr.on('data', (data) => {
      said += data
    })
    child.stdout.on('data', (data) => {
      const match = String(data).match(/127\.0\.0\.1:(\d+)/)
      if (match) resolve(Number(match[1]))
    })
  })
  return { port: local, close: () => void child.kill() }
}
