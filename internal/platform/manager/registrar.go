// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// setupRetry is the time between two tries to set a controller up, and the first between two looks for a kind.
	setupRetry = 2 * time.Second
	// rareLook is the longest time between two looks for a kind that is not served.
	rareLook = 5 * time.Minute
	// cacheCheckTimeout bounds the readiness check of the caches.
	cacheCheckTimeout = time.Second
)

// discoveryLookUps are those of manager specification, section 6.
func discoveryLookUps() wait.Backoff {
	return wait.Backoff{Duration: 500 * time.Millisecond, Factor: 5, Steps: 4}
}

// controller is one controller of the table: when it runs and how it starts.
type controller struct {
	// name is the controller's, as in manager specification 13.
	name string
	// kind must be served by the cluster; zero for controllers of built-in kinds.
	kind schema.GroupVersionKind
	// setup adds the controller to the manager, which is running. It may be called again after a failure.
	setup func(ctrl.Manager) error
}

// registrar sets controllers up: when webhooks are served and the kind is there, also if the kind comes later (manager
// specification, section 6 and 19.21). It runs in every replica; the controllers themselves wait for leadership.
type registrar struct {
	controllers []controller
	cache       cache.Cache
	// discover lists what a group version serves.
	discover func(ctx context.Context, groupVersion string) (*metav1.APIResourceList, error)
	// lookUps paces the tries of discover.
	lookUps wait.Backoff
	// scope gives a controller its view of the manager; failed is called when the controller ends with an error.
	scope func(name string, failed func(error)) (ctrl.Manager, error)
	// webhooksSynced is closed when certificate and configurations are in place, then webhooksServed must return nil.
	webhooksSynced <-chan struct{}
	webhooksServed func(context.Context) error
	clock          clock.Clock
	log            logr.Logger

	mu sync.Mutex
	// settled holds the controllers that were set up, or found to have nothing to run on, at least once.
	settled map[string]bool
	// ready is set by the first complete sync of the caches.
	ready bool
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*registrar) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (r *registrar) Start(ctx context.Context) error {
	select {
	case <-r.webhooksSynced:
	case <-ctx.Done():
		return nil
	}
	for r.webhooksServed(ctx) != nil {
		if !r.pause(ctx) {
			return nil
		}
	}
	announced, err := r.watchCRDs(ctx)
	for ; err != nil; announced, err = r.watchCRDs(ctx) {
		r.log.Error(err, "CRDs are not watched; it is tried again", "after", setupRetry)
		if !r.pause(ctx) {
			return nil
		}
	}
	var running sync.WaitGroup
	for _, c := range r.controllers {
		running.Go(func() { r.maintain(ctx, c, announced[c.name]) })
	}
	running.Wait()
	return nil
}

// CachesSynced returns an error until every controller that can run was set up and the caches were once complete.
func (r *registrar) CachesSynced(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ready {
		return nil
	}
	for _, c := range r.controllers {
		if !r.settled[c.name] {
			return fmt.Errorf("%s is not set up yet", c.name)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cacheCheckTimeout)
	defer cancel()
	if !r.cache.WaitForCacheSync(ctx) {
		return errors.New("caches are not synced yet")
	}
	r.ready = true
	return nil
}

// watchCRDs returns for each controller a channel that tells of changes of its kind's CRD.
func (r *registrar) watchCRDs(ctx context.Context) (map[string]chan struct{}, error) {
	announced := map[string]chan struct{}{}
	for _, c := range r.controllers {
		announced[c.name] = make(chan struct{}, 1)
	}
	informer, err := r.cache.GetInformer(ctx, crdMetadata(), cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watch CRDs: %w", err)
	}
	tell := func(crd any) {
		for _, c := range r.controllers {
			if !mayServe(crd, c.kind.Group) {
				continue
			}
			select {
			case announced[c.name] <- struct{}{}:
			default:
			}
		}
	}
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: tell, UpdateFunc: func(_, changed any) { tell(changed) },
	}); err != nil {
		return nil, fmt.Errorf("watch CRDs: %w", err)
	}
	return announced, nil
}

// mayServe reports whether a CRD is of the group; names of CRDs are "<plural>.<group>". Others change often in large clusters, and each change
// would be asked after.
func mayServe(crd any, group string) bool {
	accessor, err := meta.Accessor(crd)
	if err != nil {
		return true
	}
	_, of, _ := strings.Cut(accessor.GetName(), ".")
	return of == group
}

// crdMetadata is CRDs as they are cached.
func crdMetadata() client.Object {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	return object
}

// maintain keeps one controller set up until ctx ends.
func (r *registrar) maintain(ctx context.Context, c controller, announced <-chan struct{}) {
	log := r.log.WithValues("controller", c.name)
	for {
		if !r.awaitKind(ctx, c, announced) {
			return
		}
		err := r.run(ctx, c)
		if ctx.Err() != nil {
			return
		}
		log.Error(err, "The controller does not run; it is set up again", "after", setupRetry)
		if !r.pause(ctx) {
			return
		}
	}
}

// run sets the controller up and returns why it does not run, or nil at the end.
func (r *registrar) run(ctx context.Context, c controller) error {
	ended := make(chan error, 1)
	mgr, err := r.scope(c.name, func(err error) {
		select {
		case ended <- err:
		default:
		}
	})
	if err != nil {
		return err
	}
	if err := c.setup(mgr); err != nil {
		return err
	}
	r.settle(c)
	r.log.Info("Set up the controller", "controller", c.name)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

// awaitKind returns when the cluster serves the controller's kind, false when ctx ended before. Discovery follows a CRD with a delay that
// nobody bounds, and a new CRD changes several times: looks become rarer from its last change on, and never end.
func (r *registrar) awaitKind(ctx context.Context, c controller, announced <-chan struct{}) bool {
	next := setupRetry
	for !r.served(ctx, c.kind) {
		r.settle(c)
		timer := r.clock.NewTimer(next)
		select {
		case <-timer.C():
			next = min(2*next, rareLook)
		case <-announced:
			next = setupRetry
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return false
		}
	}
	return true
}

// served reports whether the cluster serves the kind. Only a clear "not found" means no: while discovery fails the kind counts as
// present, and setting the controller up is tried.
func (r *registrar) served(ctx context.Context, kind schema.GroupVersionKind) bool {
	if kind.Empty() {
		return true
	}
	found := true
	err := wait.ExponentialBackoffWithContext(ctx, r.lookUps, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		list, err := r.discover(ctx, kind.GroupVersion().String())
		if apierrors.IsNotFound(err) {
			found = false
			return true, nil
		}
		if err != nil {
			return false, nil //nolint:nilerr // Try again.
		}
		found = false
		for i := range list.APIResources {
			found = found || list.APIResources[i].Kind == kind.Kind
		}
		return true, nil
	})
	return err != nil || found
}

func (r *registrar) settle(c controller) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settled == nil {
		r.settled = map[string]bool{}
	}
	r.settled[c.name] = true
}

// pause waits for setupRetry, and returns false if ctx ended.
func (r *registrar) pause(ctx context.Context) bool {
	timer := r.clock.NewTimer(setupRetry)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}
