// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package registry makes the playground's test images and serves them, so that a cluster needs no network.
package registry

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// SandboxImage is the image of Pod sandboxes.
const SandboxImage = "playground/pause:v1"

// busyboxPath is where Debian's busybox-static puts its one program.
const busyboxPath = "/bin/busybox"

// Definition is one test image. Images with the same definition but for tags are one image with one imageID.
type Definition struct {
	// Repository is the name without registry and tag.
	Repository string
	// Tags all name this very image.
	Tags []string
	// Command is the entry point: a subcommand of the test program.
	Command []string
	// Purpose tells people what it is for.
	Purpose string
}

// Names lists the image references to use in a Pod.
func (d Definition) Names() []string {
	names := make([]string, len(d.Tags))
	for i, tag := range d.Tags {
		names[i] = d.Repository + ":" + tag
	}
	return names
}

// version is the word that makes the image differ from others of its repository.
func (d Definition) version() string { return d.Tags[0] }

// Definitions lists all test images.
func Definitions() []Definition {
	var all []Definition
	add := func(repository, purpose string, command []string, versions ...[]string) {
		for _, tags := range versions {
			all = append(all, Definition{Repository: "playground/" + repository, Tags: tags, Command: command, Purpose: purpose})
		}
	}
	v1, v2, v3 := []string{"v1", "v1-same"}, []string{"v2"}, []string{"v3"}
	add("pause", "does nothing; also the image of Pod sandboxes", []string{"pause"}, v1, v2, v3)
	add("web", "web server on port 80 that answers with its version", []string{"serve"}, v1, v2, v3)
	add("slow", "web server on port 80 that opens the port only after 5s", []string{"serve", "-after", "5s"}, v1, v2, v3)
	add("mesh", "web server on port 80 that hands its port over to the next one in its Pod", []string{"mesh"}, v1, v2, v3)
	add("mesh-idle", "the idle twin of mesh in a hot upgrade", []string{"idle"}, v1)
	add("shell", "does nothing, has a shell to exec into", []string{"pause"}, v1, v2, v3)
	add("crash", "ends with code 1 after 1s, again and again", []string{"exit", "1", "-after", "1s"}, v1, v2)
	for _, code := range []string{"0", "1", "3"} {
		add("exit-"+code, "ends at once with code "+code, []string{"exit", code}, v1, v2)
	}
	return all
}

// Image pairs a definition with what it became.
type Image struct {
	Definition
	v1.Image
}

// Build makes all test images around the test program at programPath. A shell is in them when busybox-static is
// installed; hasShell tells.
func Build(programPath string) (images []Image, hasShell bool, err error) {
	program, err := os.ReadFile(programPath)
	if err != nil {
		return nil, false, fmt.Errorf("read test program: %w", err)
	}
	layers := make([]v1.Layer, 0, 2)
	base, err := layer(file{name: "playground", mode: 0o755, data: program}, file{name: "tmp/", mode: 0o1777})
	if err != nil {
		return nil, false, err
	}
	layers = append(layers, base)
	busybox, err := os.ReadFile(busyboxPath)
	switch {
	case err == nil:
		shell, err := shellLayer(busybox)
		if err != nil {
			return nil, false, err
		}
		layers, hasShell = append(layers, shell), true
	case !errors.Is(err, fs.ErrNotExist):
		return nil, false, fmt.Errorf("read busybox: %w", err)
	}
	for _, definition := range Definitions() {
		image, err := build(definition, layers)
		if err != nil {
			return nil, false, fmt.Errorf("make image %s: %w", definition.Names()[0], err)
		}
		images = append(images, Image{definition, image})
	}
	return images, hasShell, nil
}

func build(d Definition, layers []v1.Layer) (v1.Image, error) {
	version, err := layer(file{name: "version", mode: 0o644, data: []byte(d.version() + "\n")})
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, append(slices.Clone(layers), version)...)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, withConfig(image, d))
}

func withConfig(image v1.Image, d Definition) *v1.ConfigFile {
	config, err := image.ConfigFile()
	if err != nil {
		config = &v1.ConfigFile{}
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config = v1.Config{
		Entrypoint: append([]string{"/playground"}, d.Command...),
		Env:        []string{"PATH=/bin:/", "VERSION=" + d.version()},
		Labels:     map[string]string{"playground.kruise.io/version": d.version(), "playground.kruise.io/image": d.Repository},
		WorkingDir: "/",
	}
	return config
}

// shellLayer holds busybox and a link for each of the commands that tests and people use most. Those that look up
// hosts are left out: the statically linked busybox crashes in them; "/playground get" serves instead.
func shellLayer(busybox []byte) (v1.Layer, error) {
	commands := []string{
		"ash", "awk", "cat", "chmod", "cp", "cut", "date", "dd", "df", "du", "echo", "env", "false", "find", "free", "grep",
		"head", "hostname", "id", "ip", "kill", "ln", "ls", "mkdir", "mount", "mv", "netstat",
		"printf", "ps", "pwd", "rm", "sed", "seq", "sh", "sleep", "sort", "stat", "sync", "tail", "tar", "tee", "test",
		"timeout", "top", "touch", "tr", "true", "uname", "uniq", "vi", "wc", "which", "whoami", "xargs", "yes",
	}
	files := make([]file, 0, len(commands)+2)
	files = append(files, file{name: "bin/", mode: 0o755}, file{name: "bin/busybox", mode: 0o755, data: busybox})
	for _, command := range commands {
		files = append(files, file{name: path.Join("bin", command), link: "busybox"})
	}
	return layer(files...)
}

// file is an entry of a layer: a folder when its name ends with a slash, a symbolic link when link is set. It belongs to the user and
// group owner, which is root unless set.
type file struct {
	name  string
	mode  int64
	data  []byte
	link  string
	owner int
}

func (f file) header() *tar.Header {
	h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), Typeflag: tar.TypeReg, Uid: f.owner, Gid: f.owner}
	switch {
	case f.link != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.link, 0o777
	case f.name[len(f.name)-1] == '/':
		h.Typeflag = tar.TypeDir
	}
	return h
}

func layer(files ...file) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range files {
		if err := w.WriteHeader(f.header()); err != nil {
			return nil, fmt.Errorf("write header of %s: %w", f.name, err)
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("close layer: %w", err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil }
	result, err := tarball.LayerFromOpener(open, tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("make layer: %w", err)
	}
	return result, nil
}
