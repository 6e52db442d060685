// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	dirMode  fs.FileMode = 0o700
	certMode fs.FileMode = 0o644
	keyMode  fs.FileMode = 0o600

	// dataLink is the symbolic link whose target is the present generation of files.
	dataLink = "..data"
	// generationPattern names the directories of the generations.
	generationPattern = "..generation-*"
)

// DirectorySource keeps the bundle in a directory of this process, for running without a Secret.
type DirectorySource struct {
	// Issuer makes what is missing.
	Issuer *Issuer
	// Dir is the directory; it is made if it does not exist.
	Dir string
}

// Names implements Source.
func (s *DirectorySource) Names() []string { return s.Issuer.Names() }

// Ensure implements Source.
func (s *DirectorySource) Ensure(context.Context) (*Bundle, time.Duration, error) {
	data := map[string][]byte{}
	for _, name := range []string{CACertKey, CAKeyKey, PreviousCACertKey, CertKey, KeyKey} {
		text, err := os.ReadFile(filepath.Join(s.Dir, name)) //nolint:gosec // The names are this package's own.
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, 0, fmt.Errorf("read certificate directory: %w", err)
		}
		data[name] = text
	}
	bundle, err := s.Issuer.Ensure(bundleFrom(data))
	if err != nil {
		return nil, 0, err
	}
	again, err := s.Issuer.RenewalIn(bundle)
	if err != nil {
		return nil, 0, err
	}
	if err := writeDirectory(s.Dir, secretData(bundle)); err != nil {
		return nil, 0, err
	}
	return bundle, again, nil
}

// WriteServing writes what other programs of the same container may want to read: the serving pair and the CA
// certificate. The CA's key stays where it came from.
func WriteServing(dir string, b *Bundle) error {
	return writeDirectory(dir, map[string][]byte{
		CACertKey:               b.CACert,
		corev1.TLSCertKey:       b.Cert,
		corev1.TLSPrivateKeyKey: b.Key,
	})
}

// writeDirectory makes files the content of dir in one step: a new generation is written beside the present one, then the link
// that all names go through is switched. Readers see all old or all new files. Plain files of the same names are replaced.
func writeDirectory(dir string, files map[string][]byte) error {
	if upToDate(dir, files) {
		return nil
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("make certificate directory: %w", err)
	}
	generation, err := os.MkdirTemp(dir, generationPattern)
	if err != nil {
		return fmt.Errorf("make generation of certificate files: %w", err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(generation, name), text, modeOf(name)); err != nil {
			return fmt.Errorf("write certificate file: %w", err)
		}
	}
	if err := replaceLink(filepath.Base(generation), filepath.Join(dir, dataLink)); err != nil {
		return fmt.Errorf("switch to new certificate files: %w", err)
	}
	for name := range files {
		link := filepath.Join(dir, name)
		if target, err := os.Readlink(link); err == nil && target == filepath.Join(dataLink, name) {
			continue
		}
		if err := replaceLink(filepath.Join(dataLink, name), link); err != nil {
			return fmt.Errorf("link certificate file: %w", err)
		}
	}
	return removeOldGenerations(dir, generation)
}

// upToDate reports whether every file is there through the link, with its content and no wider mode.
func upToDate(dir string, files map[string][]byte) bool {
	for name, want := range files {
		path := filepath.Join(dir, name)
		if target, err := os.Readlink(path); err != nil || target != filepath.Join(dataLink, name) {
			return false
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&^modeOf(name) != 0 {
			return false
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) { //nolint:gosec // The names are this package's own.
			return false
		}
	}
	return true
}

// modeOf keeps keys to the owner.
func modeOf(name string) fs.FileMode {
	if strings.Contains(name, "key") {
		return keyMode
	}
	return certMode
}

// replaceLink makes link point to target, whatever was there, without a moment in which it is missing.
func replaceLink(target, link string) error {
	temporary := link + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, link)
}

func removeOldGenerations(dir, current string) error {
	generations, err := filepath.Glob(filepath.Join(dir, generationPattern))
	if err != nil {
		return fmt.Errorf("list generations of certificate files: %w", err)
	}
	for _, generation := range generations {
		if generation == current {
			continue
		}
		if err := os.RemoveAll(generation); err != nil {
			return fmt.Errorf("remove old certificate files: %w", err)
		}
	}
	return nil
}
