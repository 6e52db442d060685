// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package installed

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// nextLook is the time from a change of a CRD to the second look at what its group serves; later looks become rarer.
	nextLook = 250 * time.Millisecond
	// rareLook is the longest time between two looks.
	rareLook = 5 * time.Minute
	// firstPermissionLook and permissionLook are the shortest and the longest time between two looks for a permission that is missing:
	// nobody tells when it comes.
	firstPermissionLook = time.Second
	permissionLook      = 15 * time.Second
	// rareNotice is the time between two log lines on the same missing permission.
	rareNotice = time.Hour
	// watchRetry is the time between two tries to watch CRDs.
	watchRetry = 2 * time.Second
	// callTimeout bounds one call: an API server that hangs is asked again.
	callTimeout = 10 * time.Second
)

// discoveryLookUps are those of manager specification, section 6.
func discoveryLookUps() wait.Backoff {
	return wait.Backoff{Duration: 500 * time.Millisecond, Factor: 5, Steps: 4}
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*Kinds) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (k *Kinds) Start(ctx context.Context) error {
	var running sync.WaitGroup
	for _, g := range k.groups {
		running.Go(func() { k.follow(ctx, g) })
	}
	for err := k.watchCRDs(ctx); err != nil; err = k.watchCRDs(ctx) {
		k.log.Error(err, "CRDs are not watched; it is tried again", "after", watchRetry)
		timer := k.clock.NewTimer(watchRetry)
		select {
		case <-timer.C():
			continue
		case <-ctx.Done():
		}
		timer.Stop()
		break
	}
	running.Wait()
	return nil
}

// watchCRDs announces changes of CRDs.
func (k *Kinds) watchCRDs(ctx context.Context) error {
	informer, err := k.Cache.GetInformer(ctx, CRDMetadata(), cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	announce := func(crd any) {
		for _, g := range k.groups {
			if g.owns(crd) {
				g.announce()
			}
		}
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: announce, UpdateFunc: func(_, changed any) { announce(changed) }, DeleteFunc: announce,
	})
	return err
}

// CRDMetadata is CRDs as they are cached.
func CRDMetadata() client.Object {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	return object
}

// owns reports whether a CRD is of the group; names of CRDs are "<plural>.<group>". Others change often in large clusters, and each change
// would be asked after.
func (g *group) owns(crd any) bool {
	accessor, err := meta.Accessor(crd)
	if err != nil {
		return true // the tombstone of a deletion that was missed
	}
	_, of, _ := strings.Cut(accessor.GetName(), ".")
	return of == g.name
}

func (g *group) announce() {
	select {
	case g.announced <- struct{}{}:
	default:
	}
}

// follow keeps what is known of a group true until ctx ends. Discovery follows a CRD with a delay that nobody bounds, and a new CRD changes
// several times: looks become rarer from its last change on, and never end.
func (k *Kinds) follow(ctx context.Context, g *group) {
	for next := nextLook; ; {
		if k.look(ctx, g) {
			next = nextLook // an API server may have been wrong: a kind must not be given up for long on one answer
		}
		timer := k.clock.NewTimer(k.untilPermissionLook(g, next))
		select {
		case <-timer.C():
			next = min(2*next, rareLook)
		case <-g.announced:
			next = nextLook
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// look asks what the group serves and whether missing permissions have come. It reports whether a kind was lost.
func (k *Kinds) look(ctx context.Context, g *group) (lost bool) {
	for name, v := range g.versions {
		resources, err := k.served(ctx, schema.GroupVersion{Group: g.name, Version: name})
		if err != nil {
			continue // what was seen last still counts
		}
		k.mu.Lock()
		v.seen, v.resources = true, resources
		k.mu.Unlock()
	}
	if ctx.Err() != nil {
		return false
	}
	due, lost := k.judge(g)
	for kind, resource := range due {
		k.lookForPermission(ctx, kind, resource)
	}
	return lost
}

// judge takes what was seen for true. It returns the kinds whose permission is to be looked for, and whether one is not served any more.
func (k *Kinds) judge(g *group) (due map[schema.GroupVersionKind]metav1.APIResource, lost bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	due = map[schema.GroupVersionKind]metav1.APIResource{}
	for kind, s := range k.states {
		if kind.Group != g.name {
			continue
		}
		served := g.serves(kind)
		lost = lost || s.served && !served
		k.change(kind, s, func(s *state) { s.served = served })
		if s.served && s.denied != nil && !k.clock.Now().Before(s.denial.last.Add(s.denial.pause)) {
			due[kind] = g.versions[kind.Version].resources[kind.Kind]
		}
	}
	select {
	case <-g.known:
	default:
		close(g.known)
	}
	return due, lost
}

// untilPermissionLook returns the time to the next look for a permission, most at most.
func (k *Kinds) untilPermissionLook(g *group, most time.Duration) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	for kind, s := range k.states {
		if kind.Group == g.name && s.served && s.denied != nil {
			most = min(most, max(s.denial.last.Add(s.denial.pause).Sub(k.clock.Now()), 0))
		}
	}
	return most
}

// served returns what a group version serves, by kind. A group version that is not found serves nothing.
func (k *Kinds) served(ctx context.Context, v schema.GroupVersion) (map[string]metav1.APIResource, error) {
	resources := map[string]metav1.APIResource{}
	err := wait.ExponentialBackoffWithContext(ctx, k.lookUps, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		list, err := k.Discover(ctx, v.String())
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, nil //nolint:nilerr // Try again.
		}
		for i := range list.APIResources {
			if resource := list.APIResources[i]; !strings.Contains(resource.Name, "/") {
				resources[resource.Kind] = resource
			}
		}
		return true, nil
	})
	return resources, err
}

// lookForPermission looks whether a kind that was denied may now be listed and watched.
func (k *Kinds) lookForPermission(ctx context.Context, kind schema.GroupVersionKind, resource metav1.APIResource) {
	err := k.Permitted(ctx, kind.GroupVersion().WithResource(resource.Name), resource.Namespaced)
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.states[kind]
	if err != nil {
		k.deny(kind, s, err)
		return
	}
	k.log.Info("The permission to list and watch the kind has come", "kind", kind.GroupKind().String())
	k.change(kind, s, func(s *state) { s.denied = nil })
}

// deny notes that a kind may not be listed and watched, and logs it now and then; the lock is held.
func (k *Kinds) deny(kind schema.GroupVersionKind, s *state, reason error) {
	now := k.clock.Now()
	d := &s.denial
	if now.Sub(d.last) > 2*permissionLook {
		*d = denial{}
	}
	// Where permissions cannot be asked for, it is the next try to watch that tells: that must become rarer, too.
	d.last, d.pause = now, min(max(2*d.pause, firstPermissionLook), permissionLook)
	k.change(kind, s, func(s *state) { s.denied = reason })
	if d.noticed.IsZero() || now.Sub(d.noticed) >= rareNotice {
		d.noticed = now
		k.log.Info("The permission to list and watch the kind is missing: it is left alone until the permission comes",
			"kind", kind.GroupKind().String(), "reason", reason.Error())
	}
}

// WatchFailed is the cache's handler of failures to list and watch. It turns what is no failure but a missing part into knowledge, and
// leaves the rest to the library.
func (k *Kinds) WatchFailed(ctx context.Context, r *toolscache.Reflector, err error) {
	if !k.explain(err) {
		toolscache.DefaultWatchErrorHandler(ctx, r, err)
	}
}

// explain reports whether the failure comes from a kind that is missing.
func (k *Kinds) explain(err error) bool {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	details := status.Status().Details // where the API server says "kind" it names the resource
	g := k.groups[details.Group]
	if g == nil {
		return false
	}
	switch {
	case apierrors.IsNotFound(err):
		g.announce()
		return true
	case apierrors.IsForbidden(err):
		return k.denyResource(g, details.Kind, err)
	default:
		return false
	}
}

// denyResource notes that a resource may not be listed and watched; it reports whether somebody uses its kind.
func (k *Kinds) denyResource(g *group, resource string, reason error) (found bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for kind, s := range k.states {
		if kind.Group == g.name && g.versions[kind.Version] != nil && g.versions[kind.Version].resources[kind.Kind].Name == resource {
			found = true
			k.deny(kind, s, reason)
		}
	}
	if found {
		g.announce()
	}
	return found
}
