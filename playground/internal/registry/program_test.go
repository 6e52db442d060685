// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"archive/tar"
	"errors"
	"io"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const programName = "openkruise/kruise-manager:test"

func programImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := Program{Path: program(t), Entrypoint: "/manager", Architecture: "arm64"}.Image()
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func digestOf(t *testing.T, image v1.Image) string {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// What manifests of the product count on (manager specification, section 2).
func TestProgramImage(t *testing.T) {
	image := programImage(t)
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65534:65534" || config.OS != "linux" || config.Architecture != "arm64" {
		t.Errorf("image of user %q for %s/%s", config.Config.User, config.OS, config.Architecture)
	}
	if diff := cmp.Diff([]string{"/manager"}, config.Config.Entrypoint); diff != "" {
		t.Errorf("entry point (-want +got):\n%s", diff)
	}
	type entry struct {
		Mode  int64
		Owner int
		Text  string
	}
	files := map[string]entry{}
	archive := mutate.Extract(image)
	defer func() { _ = archive.Close() }()
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(header.Name, "/")] = entry{header.Mode, header.Uid, string(text)}
	}
	want := map[string]entry{
		"manager":    {0o755, 0, "program"},
		"tmp":        {0o1777, 0, ""},
		"log":        {0o755, 65534, ""},
		"etc":        {0o755, 0, ""},
		"etc/passwd": {0o644, 0, "nobody:x:65534:65534:nobody:/:/sbin/nologin\n"},
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestProgramImageIsTheSameWhereverItIsWritten(t *testing.T) { //nolint:gocyclo // three ways out, each checked
	image := programImage(t)
	want := digestOf(t, programImage(t))
	if got := digestOf(t, image); got != want {
		t.Errorf("made twice, the image is %s and %s", want, got)
	}
	t.Run("layout", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "image")
		for range 2 {
			if err := WriteLayout(folder, programName, image); err != nil {
				t.Fatal(err)
			}
		}
		index, err := layout.ImageIndexFromPath(folder)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		if len(manifest.Manifests) != 1 || manifest.Manifests[0].Digest.String() != want ||
			manifest.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != programName {
			t.Errorf("the index lists %+v, want %s alone", manifest.Manifests, want)
		}
	})
	t.Run("tarball", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "image.tar")
		if err := WriteTarball(file, programName, image); err != nil {
			t.Fatal(err)
		}
		tag, err := name.NewTag(programName)
		if err != nil {
			t.Fatal(err)
		}
		read, err := tarball.ImageFromPath(file, &tag)
		if err != nil {
			t.Fatal(err)
		}
		wantID, err := image.ConfigName()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read.ConfigName(); err != nil || got != wantID {
			t.Errorf("the archive holds %s (%v), want %s", got, err, wantID)
		}
	})
	t.Run("registry", func(t *testing.T) {
		server := httptest.NewServer(registry.New())
		defer server.Close()
		reference := strings.TrimPrefix(server.URL, "http://") + "/" + programName
		if err := Push(t.Context(), reference, image); err != nil {
			t.Fatal(err)
		}
		tag, err := name.NewTag(reference)
		if err != nil {
			t.Fatal(err)
		}
		pushed, err := remote.Head(tag, remote.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		if pushed.Digest.String() != want {
			t.Errorf("the registry has %s, want %s", pushed.Digest, want)
		}
	})
}
