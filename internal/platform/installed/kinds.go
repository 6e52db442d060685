// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package installed knows which kinds of the product can be worked with. Installation is modular (manager specification 6 and 19.21): each
// CRD, and the permission for its kind, can be missing, come later and go again, and nothing but what needs the kind may notice.
//
// A kind is there while the API server serves it and lets this process list and watch it. Whoever watches or reads a kind holds a Use of
// it; when the kind goes, its Uses end, and after the last is released the informers of the kind are dropped from the cache.
package installed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// errGone is the cause of the end of a Use's context.
var errGone = errors.New("the kind is no longer there")

// MissingError says that a kind is not there.
type MissingError struct {
	Kind schema.GroupVersionKind
	// Forbidden says that the API server serves the kind but does not let this process list and watch it.
	Forbidden bool
	// Going says that some still hold a Use from before the kind went.
	Going bool
}

// Error implements error.
func (e *MissingError) Error() string {
	if e.Forbidden {
		return fmt.Sprintf("kind %s of %s may not be listed and watched", e.Kind.Kind, e.Kind.GroupVersion())
	}
	return fmt.Sprintf("kind %s of %s is not installed", e.Kind.Kind, e.Kind.GroupVersion())
}

// Cluster is what Kinds ask and tell. Setup makes the real one.
type Cluster struct {
	// Discover lists what a group version serves.
	Discover func(ctx context.Context, groupVersion string) (*metav1.APIResourceList, error)
	// Permitted returns why objects of a resource may not be listed and watched, nil if they may, or if that cannot be told.
	Permitted func(ctx context.Context, resource schema.GroupVersionResource, namespaced bool) error
	// Drop drops the informers of a kind from the cache; it must not wait for anything.
	Drop func(schema.GroupVersionKind)
	// Cache watches CRDs.
	Cache cache.Cache
}

// Kinds are the kinds of some API groups. Those of other groups count as always there. Make it with New and run it with Setup.
type Kinds struct {
	Cluster

	// lookUps paces the tries of Discover.
	lookUps wait.Backoff
	// namespace is the only one that is watched, empty for all.
	namespace string
	clock     clock.Clock
	log       logr.Logger

	groups map[string]*group

	mu sync.Mutex
	// changed is closed, and made anew, whenever a kind comes or goes.
	changed chan struct{}
	states  map[schema.GroupVersionKind]*state
}

// group is an API group whose CRDs are watched together.
type group struct {
	name     string
	versions map[string]*version
	// announced asks for a look at what the group serves.
	announced chan struct{}
	// known is closed after the first look.
	known chan struct{}
}

// version is what was last seen of a group version.
type version struct {
	// seen says that discovery has answered once; until then all kinds count as served, once the first look is over.
	seen bool
	// resources are what is served, by kind.
	resources map[string]metav1.APIResource
}

// state is what is known of one kind that somebody has asked for.
type state struct {
	served bool
	// denied is why the kind may not be listed and watched, else nil.
	denied error
	denial denial
	// stale says that the kind was gone and its informers are not dropped yet: nobody new may use them.
	stale bool
	uses  int
	// life ends when the kind goes.
	life context.Context //nolint:containedctx // It is what holders of a Use get.
	end  context.CancelCauseFunc
}

// denial is what is remembered of a missing permission.
type denial struct {
	// last is when the API server last said no; noticed is when that was last logged.
	last, noticed time.Time
	// pause is the time from last to the next look.
	pause time.Duration
}

func (s *state) there() bool { return s.served && s.denied == nil && !s.stale }

// New returns the kinds of some group versions. namespace is the only one that is watched, empty for all.
func New(versions []schema.GroupVersion, namespace string, clk clock.Clock, log logr.Logger) *Kinds {
	k := &Kinds{
		lookUps: discoveryLookUps(), namespace: namespace, clock: clk, log: log,
		groups: map[string]*group{}, states: map[schema.GroupVersionKind]*state{}, changed: make(chan struct{}),
	}
	for _, v := range versions {
		g, found := k.groups[v.Group]
		if !found {
			g = &group{name: v.Group, versions: map[string]*version{}, announced: make(chan struct{}, 1), known: make(chan struct{})}
			k.groups[v.Group] = g
		}
		g.versions[v.Version] = &version{}
	}
	return k
}

// Modular reports whether the kind is one of those that can be missing.
func (k *Kinds) Modular(kind schema.GroupVersionKind) bool { return k.groups[kind.Group] != nil }

// Changed returns a channel that is closed when any kind comes or goes. Get it before looking whether a kind is there.
func (k *Kinds) Changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

// Use returns a Use of all these kinds, which the caller releases. If one of them is not there the error is a MissingError; if ctx ends
// before the first look at the cluster, that of ctx.
func (k *Kinds) Use(ctx context.Context, kinds ...schema.GroupVersionKind) (*Use, error) {
	for _, kind := range kinds {
		g := k.groups[kind.Group]
		if g == nil {
			continue
		}
		select {
		case <-g.known:
		default:
			select {
			case <-g.known:
			case <-ctx.Done():
				return nil, fmt.Errorf("wait for the API server to tell whether it has %s: %w", kind.Kind, ctx.Err())
			}
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	use := &Use{kinds: k}
	for _, kind := range kinds {
		if !k.Modular(kind) {
			continue
		}
		s := k.state(kind)
		if !s.there() {
			return nil, &MissingError{Kind: kind, Forbidden: s.served && s.denied != nil, Going: s.stale}
		}
		use.held = append(use.held, kind)
	}
	for _, kind := range use.held {
		k.states[kind].uses++
	}
	return use, nil
}

// state returns the state of a kind whose group was looked at; the lock is held.
func (k *Kinds) state(kind schema.GroupVersionKind) *state {
	s, found := k.states[kind]
	if !found {
		s = &state{served: k.groups[kind.Group].serves(kind)}
		s.life, s.end = context.WithCancelCause(context.Background())
		k.states[kind] = s
	}
	return s
}

// serves reports whether the kind was seen; the lock is held.
func (g *group) serves(kind schema.GroupVersionKind) bool {
	v, known := g.versions[kind.Version]
	if !known {
		return false
	}
	_, found := v.resources[kind.Kind]
	return found || !v.seen
}

// change applies a change to the state of a kind and does what follows from it; the lock is held.
func (k *Kinds) change(kind schema.GroupVersionKind, s *state, apply func(*state)) {
	before := s.there()
	apply(s)
	if before && !s.there() {
		s.stale = true
		s.end(errGone)
	}
	if s.stale && s.uses == 0 {
		k.Drop(kind)
		s.stale = false
		s.life, s.end = context.WithCancelCause(context.Background())
	}
	if before != s.there() {
		close(k.changed)
		k.changed = make(chan struct{})
	}
}

// Use keeps the informers of kinds in the cache.
type Use struct {
	kinds *Kinds
	held  []schema.GroupVersionKind
	once  sync.Once
}

// Context returns a context that ends with ctx, with cancel, or when one of the kinds goes.
func (u *Use) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	u.kinds.mu.Lock()
	defer u.kinds.mu.Unlock()
	stops := make([]func() bool, 0, len(u.held))
	for _, kind := range u.held {
		stops = append(stops, context.AfterFunc(u.kinds.states[kind].life, func() { cancel(errGone) }))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel(context.Canceled)
	}
}

// Gone reports whether a context of Context has ended because a kind went.
func Gone(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errGone) }

// Release ends the use.
func (u *Use) Release() {
	u.once.Do(func() {
		u.kinds.mu.Lock()
		defer u.kinds.mu.Unlock()
		for _, kind := range u.held {
			u.kinds.change(kind, u.kinds.states[kind], func(s *state) { s.uses-- })
		}
	})
}
