// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	appsv1beta1 "kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/installed"
)

const patience = 10 * time.Second

// registrarFixture runs a registrar with one controller.
type registrarFixture struct {
	*registrar
	clock *clocktesting.FakeClock
	// setups receives one value for each setup; setupError is what the next ones return.
	setups     chan func(error)
	setupError atomic.Pointer[error]
	// kinds are what is installed.
	kinds atomic.Pointer[[]string]
	// latest is the latest scope.
	latest atomic.Pointer[scopedManager]
	cache  *cacheOfEvents
}

// cacheOfEvents is a cache that is synced and holds nothing but who wants to hear of events.
type cacheOfEvents struct {
	cache.Cache
	mu       sync.Mutex
	handlers []toolscache.ResourceEventHandler
}

func (c *cacheOfEvents) WaitForCacheSync(context.Context) bool { return true }

func (c *cacheOfEvents) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return informerOfEvents{c: c}, nil
}

type informerOfEvents struct {
	cache.Informer
	c *cacheOfEvents
}

func (i informerOfEvents) AddEventHandler(handler toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	i.c.mu.Lock()
	defer i.c.mu.Unlock()
	i.c.handlers = append(i.c.handlers, handler)
	return nil, nil
}

func (informerOfEvents) RemoveEventHandler(toolscache.ResourceEventHandlerRegistration) error {
	return nil
}

func newRegistrar(t *testing.T, kinds ...string) *registrarFixture {
	t.Helper()
	synced := make(chan struct{})
	close(synced)
	f := &registrarFixture{
		clock: clocktesting.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), setups: make(chan func(error), 10),
		cache: &cacheOfEvents{},
	}
	f.serves("CloneSet", "SidecarSet")
	needs := make([]schema.GroupVersionKind, 0, len(kinds))
	for _, kind := range kinds {
		needs = append(needs, appsv1beta1.GroupVersion.WithKind(kind))
	}
	f.registrar = &registrar{
		installed: f.newKinds(),
		cache:     f.cache,
		scope: func(life context.Context, _ string, failed func(error)) (*scopedManager, error) {
			f.latest.Store(&scopedManager{Manager: addingManager{}, life: life, failed: failed, cache: &scopedCache{Cache: f.cache}})
			return f.latest.Load(), nil
		},
		webhooksSynced: synced,
		webhooksServed: func(context.Context) error { return nil },
		clock:          f.clock,
		log:            logr.Discard(),
		controllers: []controller{{name: "cloneset-controller", kinds: needs, setup: func(ctrl.Manager) error {
			// Who hears of the setup may change the next one's error, not this one's.
			err := f.setupError.Load()
			f.setups <- f.latest.Load().failed
			if err != nil {
				return *err
			}
			return nil
		}}},
	}
	return f
}

// addingManager takes what is added and leaves it to the test to run it.
type addingManager struct{ ctrl.Manager }

func (addingManager) Add(manager.Runnable) error { return nil }

// newKinds gives kinds that see what the fixture serves.
func (f *registrarFixture) newKinds() *installed.Kinds {
	kinds := installed.New([]schema.GroupVersion{appsv1beta1.GroupVersion}, "", clock.RealClock{}, logr.Discard())
	kinds.Cluster = installed.Cluster{
		Cache: f.cache,
		Discover: func(context.Context, string) (*metav1.APIResourceList, error) {
			list := &metav1.APIResourceList{}
			for _, kind := range *f.kinds.Load() {
				list.APIResources = append(list.APIResources, metav1.APIResource{Kind: kind, Name: strings.ToLower(kind) + "s"})
			}
			return list, nil
		},
		Permitted: func(context.Context, schema.GroupVersionResource, bool) error { return nil },
		Drop:      func(schema.GroupVersionKind) {},
	}
	return kinds
}

func (f *registrarFixture) serves(kinds ...string) { f.kinds.Store(&kinds) }

// announce tells of a change of a CRD, upon which what is installed is looked at again.
func (f *registrarFixture) announce(t *testing.T) {
	t.Helper()
	eventuallyNil(t, func() error {
		f.cache.mu.Lock()
		defer f.cache.mu.Unlock()
		for _, handler := range f.cache.handlers {
			handler.OnAdd(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "clonesets.apps.kruise.io"}}, false)
		}
		if len(f.cache.handlers) == 0 {
			return errors.New("CRDs are not watched")
		}
		return nil
	})
}

func (f *registrarFixture) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, r := range []manager.Runnable{f.installed, f.registrar} {
		running.Go(func() {
			if err := r.Start(ctx); err != nil {
				t.Errorf("%T ended with %v", r, err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func (f *registrarFixture) awaitSetup(t *testing.T) func(error) {
	t.Helper()
	select {
	case failed := <-f.setups:
		return failed
	case <-time.After(patience):
		t.Fatal("the controller is not set up")
		return nil
	}
}

// step lets the time of the next try come.
func (f *registrarFixture) step(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); !f.clock.HasWaiters(); {
		if time.Now().After(end) {
			t.Fatal("the registrar does not wait for another try")
		}
	}
	f.clock.Step(setupRetry)
}

func TestControllerIsSetUpAgainAfterAFailure(t *testing.T) {
	f := newRegistrar(t, "CloneSet")
	broken := errors.New("no cache")
	f.setupError.Store(&broken)
	f.start(t)
	f.awaitSetup(t)
	if f.CachesSynced(t.Context()) == nil {
		t.Error("ready without the controller")
	}
	f.setupError.Store(nil)
	f.step(t)
	failed := f.awaitSetup(t)
	failed(errors.New("caches did not sync"))
	failed(errors.New("said twice"))
	f.step(t)
	f.awaitSetup(t)
	eventuallyNil(t, func() error { return f.CachesSynced(t.Context()) })
}

// A controller needs all of its kinds. Without one the manager is ready all the same; when the last comes, the controller starts.
func TestMissingKindsAreAwaited(t *testing.T) {
	f := newRegistrar(t, "CloneSet", "SidecarSet")
	f.serves("SidecarSet")
	f.start(t)
	eventuallyNil(t, func() error { return f.CachesSynced(t.Context()) })
	if len(f.setups) > 0 {
		t.Fatal("the controller is set up without its kind")
	}
	f.serves("CloneSet", "SidecarSet")
	f.announce(t)
	f.awaitSetup(t)
}

// When a kind goes, all of its controller ends, and nothing of it is left in informers that others use; when it comes back, it starts anew.
func TestKindThatGoesEndsItsController(t *testing.T) {
	f := newRegistrar(t, "CloneSet")
	f.start(t)
	f.awaitSetup(t)
	scope := f.latest.Load()
	pods, err := scope.GetCache().GetInformer(t.Context(), &corev1.Pod{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pods.AddEventHandler(toolscache.ResourceEventHandlerFuncs{}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	worker := &supervised{scope: scope, Runnable: manager.RunnableFunc(func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("watching a kind that is gone")
	})}
	go func() { ended <- worker.Start(t.Context()) }()
	f.serves()
	f.announce(t)
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the controller runs on without its kind")
	}
	eventuallyNil(t, func() error {
		if _, err := pods.AddEventHandler(toolscache.ResourceEventHandlerFuncs{}); !errors.Is(err, errLeft) {
			return errors.New("the controller still gets events")
		}
		return nil
	})
	f.serves("CloneSet")
	f.announce(t)
	f.awaitSetup(t)
	if f.latest.Load() == scope {
		t.Error("the controller starts in its old life")
	}
}

func TestControllersOfBuiltInKindsAlwaysRun(t *testing.T) {
	f := newRegistrar(t)
	f.serves()
	f.start(t)
	f.awaitSetup(t)
}

func TestControllersWaitForTheWebhooks(t *testing.T) {
	f := newRegistrar(t, "CloneSet")
	var served atomic.Bool
	f.webhooksServed = func(context.Context) error {
		if served.Load() {
			return nil
		}
		return errors.New("not served")
	}
	f.start(t)
	f.step(t)
	if len(f.setups) > 0 {
		t.Fatal("the controller is set up before webhooks are served")
	}
	served.Store(true)
	eventuallyNil(t, func() error {
		if f.clock.HasWaiters() {
			f.clock.Step(setupRetry)
		}
		if len(f.setups) == 0 {
			return errors.New("the controller is not set up")
		}
		return nil
	})
}

func TestFailureOfARunnableStaysItsOwn(t *testing.T) {
	broken := errors.New("broken")
	var reported error
	s := &supervised{
		Runnable: manager.RunnableFunc(func(context.Context) error { return broken }),
		scope:    &scopedManager{life: t.Context(), failed: func(err error) { reported = err }, cache: &scopedCache{}},
	}
	if err := s.Start(t.Context()); err != nil || !errors.Is(reported, broken) {
		t.Errorf("Start gives %v and reports %v", err, reported)
	}
	reported = nil
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Start(ended); err != nil || reported != nil {
		t.Errorf("at the end of the process Start gives %v and reports %v", err, reported)
	}
	if !s.NeedLeaderElection() {
		t.Error("a controller runs without leadership")
	}
}

// What a warm-up starts, such as watches, is used by the controller that starts after it.
func TestWarmupOutlivesItsCall(t *testing.T) {
	life, end := context.WithCancel(t.Context())
	w := &warm{}
	s := &supervised{Runnable: w, scope: &scopedManager{life: life, cache: &scopedCache{}}}
	if err := s.Warmup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.ctx.Err() != nil {
		t.Error("the context of the warm-up has ended with it")
	}
	end()
	eventuallyNil(t, func() error {
		if w.ctx.Err() == nil {
			return errors.New("the context of the warm-up outlives the controller")
		}
		return nil
	})
}

type warm struct{ ctx context.Context }

func (*warm) Start(context.Context) error { return nil }

func (w *warm) Warmup(ctx context.Context) error {
	w.ctx = ctx
	return nil
}

type countingIndexer struct{ calls int }

func (c *countingIndexer) IndexField(context.Context, client.Object, string, client.IndexerFunc) error {
	c.calls++
	return nil
}

func TestIndexesAreMadeOnce(t *testing.T) {
	inner := &countingIndexer{}
	scheme, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	indexes := &indexOnce{inner: inner, scheme: scheme, done: map[schema.GroupVersionKind]map[string]bool{}}
	for range 2 {
		for _, object := range []client.Object{&corev1.Pod{}, &appsv1.Deployment{}} {
			if err := indexes.IndexField(t.Context(), object, "owner", nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if inner.calls != 2 {
		t.Errorf("%d indexes are made, want one for each kind", inner.calls)
	}
}

func eventuallyNil(t *testing.T, check func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
