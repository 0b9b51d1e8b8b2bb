// Reads a Dockerfile as docker build does, without an engine: prints what BuildKit's linter says of it and the user of each
// stage that is named, and fails where BuildKit would refuse it. Bases are not looked up.
//
//	buildkit Dockerfile production development
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/opencontainers/go-digest"
)

type emptyBases struct{}

func (emptyBases) ResolveImageConfig(_ context.Context, name string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return name, "", []byte(`{"os":"linux","config":{},"rootfs":{"type":"layers"}}`), nil
}

func main() {
	if err := read(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(path string, targets []string) error {
	dockerfile, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	platform := platforms.DefaultSpec()
	for _, target := range targets {
		_, image, _, _, err := dockerfile2llb.Dockerfile2LLB(context.Background(), dockerfile, dockerfile2llb.ConvertOpt{
			Config:         dockerui.Config{Target: target},
			MetaResolver:   emptyBases{},
			TargetPlatform: &platform,
			Warn: func(rule, _, _, message string, _ []parser.Range) {
				fmt.Printf("%s: %s\n", rule, message)
			},
		})
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		fmt.Printf("%s runs as %s\n", target, image.Config.User)
	}
	return nil
}
