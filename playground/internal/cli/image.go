// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"kruise.io/kruise/playground/internal/registry"
)

// imageOptions are the flags of the command image.
type imageOptions struct {
	program                     registry.Program
	name, layout, tarball, push string
}

func (a *app) imageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Make the container image of a statically linked program of the product, without Docker and root",
		Args:  cobra.NoArgs,
	}
	var o imageOptions
	flags := cmd.Flags()
	flags.StringVar(&o.program.Path, "program", "", "path of the program")
	flags.StringVar(&o.program.Entrypoint, "entrypoint", "/manager", "its path in the image")
	flags.StringVar(&o.program.Architecture, "arch", runtime.GOARCH, "the architecture that it is built for")
	flags.StringVar(&o.name, "name", "openkruise/kruise-manager:latest", "name and tag of the image")
	flags.StringVar(&o.layout, "layout", "", "write an OCI layout into this folder")
	flags.StringVar(&o.tarball, "tarball", "", "write a file for docker load, podman load, ctr images import, kind load image-archive")
	flags.StringVar(&o.push, "push", "", "push to this registry, as in registry.example.com or registry.example.com/team, with the credentials of docker login")
	_ = cmd.MarkFlagRequired("program")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return o.run(cmd) }
	return cmd
}

func (o imageOptions) run(cmd *cobra.Command) error {
	if o.layout == "" && o.tarball == "" && o.push == "" {
		return errors.New("nothing to do: give --layout, --tarball or --push")
	}
	image, err := o.program.Image()
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return fmt.Errorf("make image: %w", err)
	}
	if o.layout != "" {
		if err := registry.WriteLayout(o.layout, o.name, image); err != nil {
			return err
		}
	}
	if o.tarball != "" {
		if err := registry.WriteTarball(o.tarball, o.name, image); err != nil {
			return err
		}
	}
	if o.push != "" {
		if err := registry.Push(cmd.Context(), o.push+"/"+o.name, image); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", o.name, digest)
	return err
}
