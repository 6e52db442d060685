// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"os"
	"path"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is the user and group that programs of the product run as.
const nobody = 65534

// referenceAnnotation names an image in the index of an OCI layout.
const referenceAnnotation = "org.opencontainers.image.ref.name"

// Program says what becomes the image of a statically linked program of the product.
type Program struct {
	// Path is the program on this machine.
	Path string
	// Entrypoint is where it is in the image.
	Entrypoint string
	// Architecture is the one that it is built for, in Go's words.
	Architecture string
}

// Image makes the image: the program, and folders that it may write to, for no other user than nobody. The same program makes the same
// image.
func (p Program) Image() (v1.Image, error) {
	program, err := os.ReadFile(p.Path)
	if err != nil {
		return nil, fmt.Errorf("read the program: %w", err)
	}
	base, err := layer(
		file{name: "etc/", mode: 0o755},
		file{name: "etc/passwd", mode: 0o644, data: fmt.Appendf(nil, "nobody:x:%d:%d:nobody:/:/sbin/nologin\n", nobody, nobody)},
		file{name: "tmp/", mode: 0o1777},
		file{name: "log/", mode: 0o755, owner: nobody},
	)
	if err != nil {
		return nil, err
	}
	top, err := layer(file{name: p.Entrypoint[1:], mode: 0o755, data: program})
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1), base, top)
	if err != nil {
		return nil, fmt.Errorf("put layers together: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the image's configuration: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", p.Architecture
	config.Config = v1.Config{
		Entrypoint: []string{p.Entrypoint},
		User:       fmt.Sprintf("%d:%d", nobody, nobody),
		WorkingDir: "/",
		Labels:     map[string]string{"org.opencontainers.image.title": path.Base(p.Entrypoint)},
	}
	return mutate.ConfigFile(image, config)
}

// WriteLayout writes the image as an OCI layout, a folder, in place of what is there.
func WriteLayout(folder, reference string, image v1.Image) error {
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("remove the image that was there: %w", err)
	}
	index, err := layout.Write(folder, empty.Index)
	if err != nil {
		return fmt.Errorf("write OCI layout: %w", err)
	}
	if err := index.AppendImage(image, layout.WithAnnotations(map[string]string{referenceAnnotation: reference})); err != nil {
		return fmt.Errorf("write OCI layout: %w", err)
	}
	return nil
}

// WriteTarball writes the image as the one file that "docker load", "podman load", "ctr images import" and "kind load image-archive" take.
func WriteTarball(file, reference string, image v1.Image) error {
	tag, err := name.NewTag(reference)
	if err != nil {
		return fmt.Errorf("name the image: %w", err)
	}
	if err := tarball.WriteToFile(file, tag, image); err != nil {
		return fmt.Errorf("write image archive: %w", err)
	}
	return nil
}

// Push puts the image into a registry, with the credentials that Docker's configuration has for it. Registries at loopback and private
// addresses may be without TLS.
func Push(ctx context.Context, reference string, image v1.Image) error {
	tag, err := name.NewTag(reference)
	if err != nil {
		return fmt.Errorf("name the image: %w", err)
	}
	if err := remote.Write(tag, image, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	return nil
}
