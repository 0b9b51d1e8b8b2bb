module staffmesh.dev/cluster/pause

go 1.26
