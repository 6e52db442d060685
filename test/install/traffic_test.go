// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package install

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

const (
	mutatingName   = "kruise-mutating-webhook-configuration"
	validatingName = "kruise-validating-webhook-configuration"

	// pace is how often each kind of request is made.
	pace = 50 * time.Millisecond
)

// traffic makes requests that need the manager until it is stopped: admission of CloneSets and Pods, and conversion.
type traffic struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu       sync.Mutex
	requests int
	failures []string
}

func startTraffic(t *testing.T, c client.Client, set *v1beta1.CloneSet) *traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	traffic := &traffic{cancel: cancel}
	t.Cleanup(traffic.stop)
	for name, request := range map[string]func(context.Context) error{
		"create CloneSet": func(ctx context.Context) error {
			return c.Create(ctx, fixtures.CloneSet("probe"), client.DryRunAll)
		},
		"update CloneSet": func(ctx context.Context) error {
			patch := fmt.Sprintf(`{"metadata":{"annotations":{"probed":"%d"}}}`, time.Now().UnixNano())
			return c.Patch(ctx, set.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(patch)))
		},
		"read in v1alpha1": func(ctx context.Context) error {
			return c.Get(ctx, client.ObjectKeyFromObject(set), &v1alpha1.CloneSet{})
		},
		"create Pod": func(ctx context.Context) error {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: set.Namespace, Name: "probe",
					OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, v1beta1.GroupVersion.WithKind("CloneSet"))},
				},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: fixtures.Image}}},
			}
			if err := c.Create(ctx, pod, client.DryRunAll); err != nil {
				return err
			}
			if len(pod.Spec.ReadinessGates) == 0 {
				return fmt.Errorf("the Pod webhook was not called: no readiness gate in %+v", pod.Spec)
			}
			return nil
		},
	} {
		traffic.done.Go(func() { traffic.keepOn(ctx, name, request) })
	}
	return traffic
}

func (f *traffic) keepOn(ctx context.Context, name string, request func(context.Context) error) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		start := time.Now()
		err := request(ctx)
		if ctx.Err() != nil {
			return
		}
		f.mu.Lock()
		f.requests++
		if err != nil {
			f.failures = append(f.failures, fmt.Sprintf("%s %s (after %s): %v", start.Format("15:04:05.000"), name, time.Since(start), err))
		}
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (f *traffic) stop() {
	f.cancel()
	f.done.Wait()
}

// allPassed stops the traffic and fails if a request did.
func (f *traffic) allPassed(t *testing.T) {
	t.Helper()
	f.stop()
	t.Logf("%d requests, %d failed", f.requests, len(f.failures))
	for _, failure := range f.failures[:min(len(f.failures), 10)] {
		t.Error(failure)
	}
	if f.requests < 100 {
		t.Errorf("only %d requests were made", f.requests)
	}
}

// trusted returns the CA bundles by which API servers know the manager, by what they are for.
func trusted(object client.Object) map[string][]byte {
	bundles := map[string][]byte{}
	switch object := object.(type) {
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		for _, w := range object.Webhooks {
			bundles[w.Name] = w.ClientConfig.CABundle
		}
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		for _, w := range object.Webhooks {
			bundles[w.Name] = w.ClientConfig.CABundle
		}
	case *apiextensionsv1.CustomResourceDefinition:
		if c := object.Spec.Conversion; c != nil && c.Webhook != nil {
			bundles[object.Name] = c.Webhook.ClientConfig.CABundle
		}
	}
	return bundles
}

// holdTrust fails the test when from now on one of the objects loses its CA or gets another, however short, until the returned function
// is called.
func holdTrust(t *testing.T, c client.WithWatch) (release func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	for _, list := range []client.ObjectList{
		&admissionregistrationv1.MutatingWebhookConfigurationList{}, &admissionregistrationv1.ValidatingWebhookConfigurationList{},
		&apiextensionsv1.CustomResourceDefinitionList{},
	} {
		// A watch without a resourceVersion begins with what there is.
		watcher, err := c.Watch(ctx, list)
		if err != nil {
			t.Fatal(err)
		}
		done.Go(func() {
			defer watcher.Stop()
			before := map[string][]byte{}
			for event := range watcher.ResultChan() {
				object, ok := event.Object.(client.Object)
				if !ok {
					continue
				}
				for name, bundle := range trusted(object) {
					known := before[name]
					if len(bundle) == 0 || len(known) > 0 && !bytes.Equal(known, bundle) {
						t.Errorf("%s: the CA of %s went from %d to %d bytes", event.Type, name, len(known), len(bundle))
					}
					before[name] = bundle
				}
			}
			if len(before) == 0 {
				t.Error("no CA was there to be watched")
			}
		})
	}
	return func() {
		cancel()
		done.Wait()
	}
}
