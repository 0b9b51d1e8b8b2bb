module staffmesh.dev/crds

go 1.26

require github.com/kong/kubernetes-configuration v1.5.2
