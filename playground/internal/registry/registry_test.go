// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// program writes a file that stands for the test program.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "testprogram")
	if err := os.WriteFile(path, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// digests builds all images and returns the digest of each reference.
func digests(t *testing.T) map[string]string {
	t.Helper()
	images, _, err := Build(program(t))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, image := range images {
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		for _, reference := range image.Names() {
			if _, twice := found[reference]; twice {
				t.Errorf("%s is defined twice", reference)
			}
			found[reference] = digest.String()
		}
	}
	return found
}

func TestImageIDs(t *testing.T) {
	found := digests(t)
	for _, repository := range []string{"playground/web", "playground/shell", "playground/slow"} {
		v1, same, v2, v3 := found[repository+":v1"], found[repository+":v1-same"], found[repository+":v2"], found[repository+":v3"]
		if v1 == "" || v1 != same {
			t.Errorf("%s: v1 is %q and v1-same %q, want one imageID", repository, v1, same)
		}
		if v1 == v2 || v2 == v3 || v1 == v3 {
			t.Errorf("%s: v1, v2 and v3 are %q, %q, %q, want three imageIDs", repository, v1, v2, v3)
		}
	}
}

func TestImagesAreTheSameEveryTime(t *testing.T) {
	if diff := cmp.Diff(digests(t), digests(t)); diff != "" {
		t.Errorf("a second build differs:\n%s", diff)
	}
}

func TestSandboxImageIsAmongTheImages(t *testing.T) {
	if digests(t)[SandboxImage] == "" {
		t.Errorf("there is no image %s", SandboxImage)
	}
}

func TestImageConfig(t *testing.T) {
	images, _, err := Build(program(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images {
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		want := append([]string{"/playground"}, image.Command...)
		if diff := cmp.Diff(want, config.Config.Entrypoint); diff != "" {
			t.Errorf("%s: entry point (-want +got):\n%s", image.Names()[0], diff)
		}
		if env := strings.Join(config.Config.Env, " "); !strings.Contains(env, "VERSION="+image.Tags[0]) {
			t.Errorf("%s: environment %q does not tell the version", image.Names()[0], env)
		}
	}
}

func TestServeAnswersForEveryRegistry(t *testing.T) {
	images, _, err := Build(program(t))
	if err != nil {
		t.Fatal(err)
	}
	handler := registry.New()
	if err := fill(t.Context(), handler, images); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = serve(t.Context(), listener, handler) }()
	pull := func(reference string) error {
		// A mirror is asked for the path of the image, whatever registry the image names.
		tag, err := name.NewTag(listener.Addr().String()+"/"+reference, name.Insecure)
		if err != nil {
			return err
		}
		_, err = remote.Head(tag, remote.WithContext(t.Context()))
		return err
	}
	if err := pull("playground/web:v1"); err != nil {
		t.Errorf("pull: %v", err)
	}
	if err := pull("playground/web:v99"); err == nil {
		t.Error("an image that is not there can be pulled")
	}
}
