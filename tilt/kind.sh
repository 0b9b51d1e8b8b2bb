#!/bin/sh
# What a bare kind has not: tilt/kind.sh <part> <context> <version> < values, or tilt/kind.sh remove <context>.
set -eu
part=$1 context=$2 version=${3-}

istio=https://istio-release.storage.googleapis.com/charts
kong=https://charts.konghq.com
gateway=https://github.com/kubernetes-sigs/gateway-api/releases/download

install() { # release, namespace, repository, chart
  helm --kube-context "$context" upgrade --install "$1" "$4" --namespace "$2" --create-namespace \
    --repo "$3" --version "$version" --values - --wait --timeout 5m
}

uninstall() { # release, namespace
  helm --kube-context "$context" uninstall "$1" --namespace "$2" --ignore-not-found --wait
}

case $part in
  gateway-api) kubectl --context "$context" apply --server-side -f "$gateway/v$version/standard-install.yaml" ;;
  istio-base) install istio-base istio-system "$istio" base ;;
  istio-cni) install istio-cni istio-system "$istio" cni ;;
  istiod) install istiod istio-system "$istio" istiod ;;
  # Its Service is kong-gateway-proxy, the name that our policies know.
  kong) install kong staffmesh-edge "$kong" ingress ;;
  remove)
    uninstall kong staffmesh-edge
    uninstall istiod istio-system
    uninstall istio-cni istio-system
    uninstall istio-base istio-system
    kubectl --context "$context" delete namespace istio-system --ignore-not-found
    # Charts leave definitions where they are.
    kubectl --context "$context" get customresourcedefinitions --output name |
      grep -E '\.(istio\.io|konghq\.com|gateway\.networking\.k8s\.io|gateway\.networking\.x-k8s\.io)$' |
      xargs -r kubectl --context "$context" delete
    ;;
  *)
    echo "tilt/kind.sh knows no part $part" >&2
    exit 1
    ;;
esac
