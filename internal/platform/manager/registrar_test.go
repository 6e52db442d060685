// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

const patience = 10 * time.Second

// registrarFixture runs a registrar with one controller.
type registrarFixture struct {
	*registrar
	clock *clocktesting.FakeClock
	// setups receives one value for each setup; setupError is what the next ones return.
	setups     chan func(error)
	setupError atomic.Pointer[error]
	// kinds is what discovery answers.
	kinds atomic.Pointer[func() (*metav1.APIResourceList, error)]
	// failed is the latest scope's.
	failed atomic.Pointer[func(error)]
}

func newRegistrar(t *testing.T, kind schema.GroupVersionKind) *registrarFixture {
	t.Helper()
	synced := make(chan struct{})
	close(synced)
	f := &registrarFixture{clock: clocktesting.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), setups: make(chan func(error), 10)}
	f.serves("CloneSet")
	scheme, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	scheme.AddKnownTypes(metav1.SchemeGroupVersion, &metav1.PartialObjectMetadata{})
	f.registrar = &registrar{
		cache: &informertest.FakeInformers{Scheme: scheme},
		discover: func(context.Context, string) (*metav1.APIResourceList, error) {
			return (*f.kinds.Load())()
		},
		lookUps: wait.Backoff{Steps: discoveryLookUps().Steps},
		scope: func(_ string, failed func(error)) (ctrl.Manager, error) {
			f.failed.Store(&failed)
			return nil, nil
		},
		webhooksSynced: synced,
		webhooksServed: func(context.Context) error { return nil },
		clock:          f.clock,
		log:            logr.Discard(),
		controllers: []controller{{name: "cloneset-controller", kind: kind, setup: func(ctrl.Manager) error {
			f.setups <- *f.failed.Load()
			if err := f.setupError.Load(); err != nil {
				return *err
			}
			return nil
		}}},
	}
	return f
}

func (f *registrarFixture) serves(kinds ...string) {
	answer := func() (*metav1.APIResourceList, error) {
		list := &metav1.APIResourceList{}
		for _, kind := range kinds {
			list.APIResources = append(list.APIResources, metav1.APIResource{Kind: kind})
		}
		return list, nil
	}
	f.kinds.Store(&answer)
}

func (f *registrarFixture) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the registrar ended with %v", err)
		}
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

func cloneSetKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "apps.kruise.io", Version: "v1beta1", Kind: "CloneSet"}
}

func TestControllerIsSetUpAgainAfterAFailure(t *testing.T) {
	f := newRegistrar(t, cloneSetKind())
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

func TestMissingKindIsAwaited(t *testing.T) {
	for name, missing := range map[string]func() (*metav1.APIResourceList, error){
		"group": func() (*metav1.APIResourceList, error) {
			return nil, apierrors.NewNotFound(schema.GroupResource{}, "")
		},
		"kind": func() (*metav1.APIResourceList, error) { return &metav1.APIResourceList{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			f := newRegistrar(t, cloneSetKind())
			f.kinds.Store(&missing)
			f.start(t)
			eventuallyNil(t, func() error { return f.CachesSynced(t.Context()) })
			if len(f.setups) > 0 {
				t.Fatal("the controller is set up without its kind")
			}
			f.serves("CloneSet")
			f.step(t)
			f.awaitSetup(t)
		})
	}
}

// A new CRD changes several times before discovery tells its kind: the changes must not use up the looks for it.
func TestKindThatIsServedAfterTheLastChangeOfItsCRD(t *testing.T) {
	f := newRegistrar(t, cloneSetKind())
	f.serves()
	announced, found := make(chan struct{}), make(chan bool, 1)
	go func() { found <- f.awaitKind(t.Context(), f.controllers[0], announced) }()
	for range 20 {
		select {
		case announced <- struct{}{}:
		case <-time.After(patience):
			t.Fatal("changes of CRDs are not heard of any more")
		}
	}
	for range 20 {
		f.step(t)
	}
	f.serves("CloneSet")
	for end := time.Now().Add(patience); ; {
		select {
		case got := <-found:
			if !got {
				t.Error("the kind is not found")
			}
			return
		default:
			f.clock.Step(rareLook)
		}
		if time.Now().After(end) {
			t.Fatal("nobody looks for the kind any more")
		}
	}
}

func TestOnlyCRDsOfTheGroupAreAskedAfter(t *testing.T) {
	for name, want := range map[string]bool{
		"clonesets.apps.kruise.io": true, "podunavailablebudgets.policy.kruise.io": false, "things.example.com": false, "apps.kruise.io": false,
	} {
		crd := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if got := mayServe(crd, "apps.kruise.io"); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
}

// While discovery fails, a kind counts as present (manager specification, section 6).
func TestDiscoveryErrorIsNotAbsence(t *testing.T) {
	f := newRegistrar(t, cloneSetKind())
	var tries atomic.Int32
	failing := func() (*metav1.APIResourceList, error) {
		tries.Add(1)
		return nil, errors.New("timeout")
	}
	f.kinds.Store(&failing)
	if !f.served(t.Context(), cloneSetKind()) {
		t.Error("the kind counts as missing")
	}
	if got := tries.Load(); got != 4 {
		t.Errorf("%d look-ups, want 4", got)
	}
}

func TestControllersOfBuiltInKindsAlwaysRun(t *testing.T) {
	f := newRegistrar(t, schema.GroupVersionKind{})
	f.serves()
	f.start(t)
	f.awaitSetup(t)
}

func TestControllersWaitForTheWebhooks(t *testing.T) {
	f := newRegistrar(t, cloneSetKind())
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
		failed:   func(err error) { reported = err },
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
