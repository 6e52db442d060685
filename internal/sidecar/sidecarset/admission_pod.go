// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/internal/pod/admission"
)

// InjectionOptions are what the injection needs.
type InjectionOptions struct {
	Catalog *Catalog
	// Reader reads from the cache, Live past it: Namespaces, ControllerRevisions, and SidecarSets while the Catalog is not complete.
	Reader, Live client.Reader
	// Namespace is the manager's, where revisions are.
	Namespace string
	// SortByName sorts injected containers by name (gate EnableSortSidecarContainerByName).
	SortByName bool
	Clock      clock.PassiveClock
	// Random is in [0, 1); it may be called by many goroutines at once.
	Random func() float64
}

// Injection is the step of Pod admission that injects the sidecars of SidecarSets into new Pods (sidecarset spec 3.2 to 3.6).
type Injection struct {
	options InjectionOptions
	chooser chooser
}

// NewInjection returns the step.
func NewInjection(options InjectionOptions) *Injection {
	return &Injection{options: options, chooser: chooser{
		cached: options.Reader, live: options.Live, namespace: options.Namespace, random: options.Random,
	}}
}

// Name names the step in errors and metrics.
func (*Injection) Name() string { return "sidecar injection" }

// Admit injects the sidecars of all SidecarSets that match the Pod. A Pod that they cannot be told or built for is refused, rather than created
// without.
func (i *Injection) Admit(ctx context.Context, review *admission.Review) (admission.Change, error) {
	pod := review.Pod
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return nil, nil
	}
	namespace := cmp.Or(review.Namespace, metav1.NamespaceDefault)
	matching, err := i.options.Catalog.match(ctx, i.options.Reader, candidate{
		namespace: namespace, labels: pod.Labels,
		namespaceLabels: func() (labels.Set, error) { return i.labelsOf(ctx, namespace) },
	})
	if err != nil || len(matching) == 0 {
		return nil, err
	}
	definitions := make([]definition, 0, len(matching))
	for _, m := range matching {
		d, err := i.chooser.choose(ctx, m, pod.Labels)
		if err != nil {
			return nil, fmt.Errorf("SidecarSet %s: %w", m.set.Name, err)
		}
		definitions = append(definitions, d)
	}
	return func(pod *corev1.Pod) error {
		return inject(pod, definitions, i.options.SortByName, i.options.Clock.Now())
	}, nil
}

// labelsOf reads the labels of a namespace. One that is too new for the cache is read live (sidecarset spec 8.4).
func (i *Injection) labelsOf(ctx context.Context, name string) (labels.Set, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := i.options.Reader.Get(ctx, client.ObjectKey{Name: name}, namespace)
	if apierrors.IsNotFound(err) {
		err = i.options.Live.Get(ctx, client.ObjectKey{Name: name}, namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("read labels of namespace %s, which SidecarSets select by: %w", name, err)
	}
	return namespace.Labels, nil
}
