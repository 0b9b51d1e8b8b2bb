import { readdir, readFile } from 'node:fs/promises'
import { type PodRef, read } from './kubernetes.ts'

/**
 * Ends all processes of a pod with SIGKILL, its proxy's too, as a node that fails does: nothing is announced, nothing
 * drains. The node is on this machine; its pods are found by their cgroup.
 */
export async function killPod({ name, namespace }: PodRef): Promise<void> {
  const { uid } = (await read('pods', namespace, name)).metadata
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))
  const own = await Promise.all(
    pids.map(async (pid) => {
      const cgroup = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')
      return cgroup.includes(`/pod${uid}/`) ? [Number(pid)] : []
    }),
  )
  if (own.flat().length === 0) throw new Error(`No process of ${name} runs on this machine`)
  for (const pid of own.flat()) process.kill(pid, 'SIGKILL')
}
