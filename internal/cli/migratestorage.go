// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/metadata"

	"kruise.io/kruise/config"
)

const (
	// migrationPage is how many objects are listed at once.
	migrationPage = 500
	// migrationWrites is how many writes are under way at once.
	migrationWrites = 16
	// migrationReport is the time between two lines of progress about one kind.
	migrationReport = time.Second
)

// newMigrateStorage is `kubectl kruise migrate-storage`.
func newMigrateStorage(flags *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	dryRun := false
	command := &cobra.Command{
		Use:   "migrate-storage [PLURAL.GROUP...]",
		Short: "Rewrite stored objects of Kruise in the storage version of their kind",
		Long: `Rewrite stored objects of Kruise in the storage version of their kind.

An older installation stored objects as v1alpha1. They stay readable as long as the API server knows that version and somebody
converts it. This command lets the API server write each of them again, in the version that is the storage version today, and then takes
the older versions off the list of versions that the CRD has to be able to read (status.storedVersions).

Nothing of the objects changes but their place in etcd: no generation rises, no controller or webhook acts. The command can be interrupted
at any time and run again; kinds that are done are passed over. It needs rights to list the kinds and patch their status subresource, and to patch
customresourcedefinitions/status.`,
		Example: `  # All kinds
  kubectl kruise migrate-storage

  # See what there is to do
  kubectl kruise migrate-storage --dry-run

  # One kind
  kubectl kruise migrate-storage clonesets.apps.kruise.io`,
		RunE: func(command *cobra.Command, args []string) error {
			rest, err := flags.ToRESTConfig()
			if err != nil {
				return err
			}
			rest.QPS = -1 // the API server's priority and fairness decides
			crds, err := apiextensions.NewForConfig(rest)
			if err != nil {
				return fmt.Errorf("build client: %w", err)
			}
			objects, err := metadata.NewForConfig(rest)
			if err != nil {
				return fmt.Errorf("build client: %w", err)
			}
			m := migration{crds: crds.CustomResourceDefinitions(), objects: objects, out: streams.Out, progress: streams.ErrOut, dryRun: dryRun}
			return m.run(command.Context(), args)
		},
	}
	command.Flags().BoolVar(&dryRun, "dry-run", false, "only say what there is to do")
	return command
}

// migration moves objects to the storage version of their kinds.
type migration struct {
	crds          apiextensions.CustomResourceDefinitionInterface
	objects       metadata.Interface
	out, progress io.Writer
	dryRun        bool
}

// run migrates the named kinds, all of this product's when there are no names. A kind that fails does not hold up the others.
func (m migration) run(ctx context.Context, names []string) error {
	known, err := crdNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%q is not a kind of Kruise with its group; there are %s", name, strings.Join(known, ", "))
		}
	}
	if len(names) == 0 {
		names = known
	}
	var errs []error
	for _, name := range names {
		crd, err := m.crds.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			m.say(m.out, "%s: not installed", name)
			continue
		}
		if err == nil {
			err = m.kind(ctx, crd)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		if ctx.Err() != nil {
			return errors.Join(append(errs, errors.New("interrupted; run it again to go on"))...)
		}
	}
	return errors.Join(errs...)
}

// say prints a line. One that cannot be printed is no reason to stop half-way.
func (m migration) say(to io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(to, format+"\n", args...)
}

// crdNames are the CRDs of this product, and no others of its groups: those belong to others.
func crdNames() ([]string, error) {
	crds, err := config.CRDs()
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(crds))
	for _, crd := range crds {
		names = append(names, crd.Name)
	}
	slices.Sort(names)
	return names, nil
}

// kind migrates the objects of one CRD.
func (m migration) kind(ctx context.Context, crd *apiextensionsv1.CustomResourceDefinition) error {
	storage := slices.IndexFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Storage })
	if storage < 0 {
		return errors.New("the CRD has no storage version")
	}
	version := crd.Spec.Versions[storage]
	older := slices.DeleteFunc(slices.Clone(crd.Status.StoredVersions), func(v string) bool { return v == version.Name })
	switch {
	case len(older) == 0:
		m.say(m.out, "%s: all stored as %s", crd.Name, version.Name)
		return nil
	case m.dryRun:
		m.say(m.out, "%s: some may be stored as %s, to be stored as %s", crd.Name, strings.Join(older, ", "), version.Name)
		return nil
	case version.Subresources == nil || version.Subresources.Status == nil:
		return fmt.Errorf("version %s has no status subresource to rewrite objects through", version.Name)
	}
	n, err := m.rewriteAll(ctx, crd.Name, schema.GroupVersionResource{Group: crd.Spec.Group, Version: version.Name, Resource: crd.Spec.Names.Plural})
	if err != nil {
		return err
	}
	if err := m.settle(ctx, crd, storage); err != nil {
		return err
	}
	m.say(m.out, "%s: %d stored as %s", crd.Name, n, version.Name)
	return nil
}

// rewriteAll rewrites every object there is, and returns how many.
func (m migration) rewriteAll(ctx context.Context, name string, resource schema.GroupVersionResource) (int64, error) {
	var done atomic.Int64
	options, last := metav1.ListOptions{Limit: migrationPage}, time.Now()
	for {
		page, err := m.objects.Resource(resource).List(ctx, options)
		if next, expired := resume(err); expired {
			// the rest as it is now: objects made since the listing began are in the storage version already
			options.Continue = next
			continue
		}
		if err != nil {
			return done.Load(), fmt.Errorf("list: %w", err)
		}
		writers, ctx := errgroup.WithContext(ctx)
		writers.SetLimit(migrationWrites)
		for i := range page.Items {
			writers.Go(func() error { return m.rewrite(ctx, resource, &page.Items[i], &done) })
		}
		if err := writers.Wait(); err != nil {
			return done.Load(), err
		}
		if page.Continue == "" {
			return done.Load(), nil
		}
		options.Continue = page.Continue
		if left := page.RemainingItemCount; left != nil && time.Since(last) >= migrationReport {
			m.say(m.progress, "%s: %d of %d", name, done.Load(), done.Load()+*left)
			last = time.Now()
		}
	}
}

// resume tells whether a listing took longer than the API server remembers, and where it can be taken up again.
func resume(err error) (next string, expired bool) {
	var status apierrors.APIStatus
	if !apierrors.IsResourceExpired(err) || !errors.As(err, &status) || status.Status().Continue == "" {
		return "", false
	}
	return status.Status().Continue, true
}

// rewrite has the API server write the object as it is. A patch that changes nothing does that when the stored bytes are not those of
// the storage version. It goes through the status subresource, because the admission of the object itself may refuse today what it let in then.
func (m migration) rewrite(ctx context.Context, resource schema.GroupVersionResource, object *metav1.PartialObjectMetadata, done *atomic.Int64) error {
	_, err := m.objects.Resource(resource).Namespace(object.Namespace).Patch(ctx, object.Name, types.MergePatchType, []byte("{}"),
		metav1.PatchOptions{FieldManager: "kubectl-kruise"}, "status")
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("rewrite %s: %w", strings.TrimPrefix(object.Namespace+"/"+object.Name, "/"), err)
	}
	done.Add(1)
	return nil
}

// settle says in the CRD that the storage version is the only one stored, unless somebody has changed either meanwhile.
func (m migration) settle(ctx context.Context, crd *apiextensionsv1.CustomResourceDefinition, storage int) error {
	version := crd.Spec.Versions[storage].Name
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": fmt.Sprintf("/spec/versions/%d/name", storage), "value": version},
		{"op": "test", "path": fmt.Sprintf("/spec/versions/%d/storage", storage), "value": true},
		{"op": "test", "path": "/status/storedVersions", "value": crd.Status.StoredVersions},
		{"op": "replace", "path": "/status/storedVersions", "value": []string{version}},
	})
	if err != nil {
		return fmt.Errorf("encode storedVersions: %w", err)
	}
	_, err = m.crds.Patch(ctx, crd.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: "kubectl-kruise"}, "status")
	if err != nil {
		return fmt.Errorf("set status.storedVersions to %s: %w", version, err)
	}
	return nil
}
