import { join } from 'node:path'
import type { Binaries } from '../binaries/build.ts'
import { addresses, clusterDomain, nodeName, ports } from './addresses.ts'
import { folders } from './folders.ts'
import { inPki, kubeconfigOf } from './pki.ts'

/** A process of the node. */
export interface Component {
  name: string
  program: string
  args: readonly string[]
  /** Where it tells that it works, as this machine reaches it; containerd has a socket only. */
  health?: string
  /** A client certificate is asked for there. */
  asAdmin?: boolean
  /** Files that it reads: path → content. */
  files?: Readonly<Record<string, string>>
}

const flags = (values: Readonly<Record<string, string | number | boolean>>) =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`)

const etcdUrl = 'http://127.0.0.1:2379'
const etcdMetrics = `http://${addresses.node}:2381`

export const containerdSocket = '/run/containerd/containerd.sock'

export const registryConfig = () => join(folders().node, 'registry.yaml')

/** In the order of their start; each waits for the one before. */
export function components(binaries: Binaries): Component[] {
  const { containerd, registry, etcd, kubelet, cni, node } = folders()
  const kubernetes = (name: string) => join(binaries.kubernetes, name)
  const containerdConfig = join(node, 'containerd.toml')
  const kubeletConfig = join(node, 'kubelet.json')
  const proxyConfig = join(node, 'kube-proxy.json')
  const resolvConf = join(node, 'resolv.conf')
  return [
    {
      name: 'containerd',
      program: 'containerd',
      args: flags({ config: containerdConfig }),
      files: {
        [containerdConfig]: `version = 2
root = "${containerd}"
state = "/run/containerd"
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost:${ports.registry}/platform/pause:dev"
  # Root in a container may be forbidden to lower it.
  restrict_oom_score_adj = true
  max_concurrent_downloads = 8
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cni.bin}"
    conf_dir = "${cni.conf}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."localhost:${ports.registry}"]
    endpoint = ["http://localhost:${ports.registry}"]
`,
      },
    },
    {
      name: 'registry',
      program: join(binaries.registry, 'registry'),
      args: ['serve', registryConfig()],
      health: `http://${addresses.node}:${ports.registry}/v2/`,
      files: {
        [registryConfig()]: JSON.stringify({
          version: 0.1,
          log: { level: 'warn', accesslog: { disabled: true } },
          storage: { filesystem: { rootdirectory: registry }, delete: { enabled: true } },
          http: { addr: `:${ports.registry}`, secret: 'only-this-node' },
        }),
      },
    },
    {
      name: 'etcd',
      program: join(binaries.etcd, 'server'),
      args: flags({
        'data-dir': etcd,
        'listen-client-urls': etcdUrl,
        'advertise-client-urls': etcdUrl,
        'listen-peer-urls': 'http://127.0.0.1:2380',
        'listen-metrics-urls': etcdMetrics,
        // A node that is thrown away has nothing to lose in a crash.
        'unsafe-no-fsync': true,
        'log-level': 'warn',
      }),
      health: `${etcdMetrics}/health`,
    },
    {
      name: 'kube-apiserver',
      program: kubernetes('kube-apiserver'),
      args: flags({
        'advertise-address': addresses.node,
        'secure-port': ports.kubernetes,
        'etcd-servers': etcdUrl,
        'service-cluster-ip-range': addresses.services,
        'authorization-mode': 'Node,RBAC',
        'enable-admission-plugins': 'NodeRestriction',
        'client-ca-file': inPki('ca.crt'),
        'tls-cert-file': inPki('kube-apiserver.crt'),
        'tls-private-key-file': inPki('kube-apiserver.key'),
        'kubelet-client-certificate': inPki('kubelet-client.crt'),
        'kubelet-client-key': inPki('kubelet-client.key'),
        // Else logs and exec look the node's name up.
        'kubelet-preferred-address-types': 'InternalIP',
        'service-account-issuer': `https://kubernetes.default.svc.${clusterDomain}`,
        'service-account-key-file': inPki('service-account.key'),
        'service-account-signing-key-file': inPki('service-account.key'),
        'shutdown-delay-duration': '0s',
      }),
      health: `https://${addresses.node}:${ports.kubernetes}/readyz`,
      asAdmin: true,
    },
    {
      name: 'kube-controller-manager',
      program: kubernetes('kube-controller-manager'),
      args: flags({
        kubeconfig: kubeconfigOf('controller-manager'),
        'authentication-kubeconfig': kubeconfigOf('controller-manager'),
        'authorization-kubeconfig': kubeconfigOf('controller-manager'),
        'bind-address': addresses.node,
        'root-ca-file': inPki('ca.crt'),
        'service-account-private-key-file': inPki('service-account.key'),
        'use-service-account-credentials': true,
        'leader-elect': false,
        // What has been evicted or has finished is of no use to anybody here.
        'terminated-pod-gc-threshold': 20,
      }),
      health: `https://${addresses.node}:10257/healthz`,
    },
    {
      name: 'kube-scheduler',
      program: kubernetes('kube-scheduler'),
      args: flags({
        kubeconfig: kubeconfigOf('scheduler'),
        'authentication-kubeconfig': kubeconfigOf('scheduler'),
        'authorization-kubeconfig': kubeconfigOf('scheduler'),
        'bind-address': addresses.node,
        'leader-elect': false,
      }),
      health: `https://${addresses.node}:10259/healthz`,
    },
    {
      name: 'kubelet',
      program: kubernetes('kubelet'),
      args: flags({
        config: kubeletConfig,
        kubeconfig: kubeconfigOf('kubelet'),
        'root-dir': kubelet,
        'hostname-override': nodeName,
        'node-ip': addresses.node,
      }),
      health: `http://${addresses.node}:10248/healthz`,
      files: {
        // Pods learn nothing of this machine's name servers.
        [resolvConf]: '',
        [kubeletConfig]: JSON.stringify({
          apiVersion: 'kubelet.config.k8s.io/v1beta1',
          kind: 'KubeletConfiguration',
          address: addresses.node,
          healthzBindAddress: addresses.node,
          authentication: {
            anonymous: { enabled: false },
            webhook: { enabled: true },
            x509: { clientCAFile: inPki('ca.crt') },
          },
          authorization: { mode: 'Webhook' },
          clusterDNS: [addresses.dns],
          clusterDomain,
          resolvConf,
          containerRuntimeEndpoint: `unix://${containerdSocket}`,
          cgroupDriver: 'cgroupfs',
          cgroupRoot,
          failCgroupV1: false,
          failSwapOn: false,
          evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
          imageGCHighThresholdPercent: 100,
          serializeImagePulls: false,
          registryPullQPS: 0,
          podLogsDir: join(folders().node, 'pods'),
        }),
      },
    },
    {
      name: 'kube-proxy',
      program: kubernetes('kube-proxy'),
      args: flags({ config: proxyConfig, 'hostname-override': nodeName }),
      health: `http://${addresses.node}:10256/healthz`,
      files: {
        [proxyConfig]: JSON.stringify({
          apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
          kind: 'KubeProxyConfiguration',
          mode: 'nftables',
          clientConnection: { kubeconfig: kubeconfigOf('proxy') },
          clusterCIDR: addresses.pods,
          conntrack: { maxPerCore: 0 },
          healthzBindAddress: `${addresses.node}:10256`,
        }),
      },
    },
  ]
}

/** Below it are the cgroups of all pods. */
export const cgroupRoot = '/staffmesh'

/** The network of pods: a bridge on the node. It does not enforce NetworkPolicies. */
export const cniConfig = {
  cniVersion: '1.0.0',
  name: 'staffmesh',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      // The way out of the cluster, to this machine's end of the cable only.
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: addresses.pods }]],
        routes: [{ dst: '0.0.0.0/0' }],
        dataDir: '/run/cni',
      },
    },
  ],
}
