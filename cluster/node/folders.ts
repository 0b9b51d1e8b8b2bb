import { join } from 'node:path'
import { cacheFolder } from '../cache.ts'

/** Gone with the node, save for `containerd` and `registry`, which keep images for the next start. */
export const folders = () => {
  const node = join(cacheFolder(), 'node')
  return {
    node,
    pki: join(node, 'pki'),
    logs: join(node, 'logs'),
    etcd: join(node, 'etcd'),
    kubelet: join(node, 'kubelet'),
    cni: { bin: join(node, 'cni', 'bin'), conf: join(node, 'cni', 'conf') },
    volumes: join(node, 'volumes'),
    manifests: join(node, 'manifests'),
    /** The kubectl of the node's own version. */
    kubectl: join(node, 'kubectl'),
    kubeconfig: join(node, 'admin.kubeconfig'),
    containerd: join(cacheFolder(), 'containerd'),
    registry: join(cacheFolder(), 'registry'),
  }
}
