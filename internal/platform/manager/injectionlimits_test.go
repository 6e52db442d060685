// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/config"
)

// awaitInjection waits until new Pods of the app get a sidecar.
func awaitInjection(t *testing.T, namespace, app string, within time.Duration) {
	t.Helper()
	eventually(t, within, func(ctx context.Context) error {
		pod := labelled(namespace, app)
		if err := env.Client.Create(ctx, pod, client.DryRunAll); err != nil {
			return err
		}
		if len(pod.Spec.Containers) != 2 {
			return errors.New("not injected")
		}
		return nil
	})
}

// As many SidecarSets as the condition has room for cost API servers no more than they allow, also for the largest Pods; with more the entry is
// for every Pod, and still works.
func TestManySidecarSets(t *testing.T) {
	r := &replica{}
	r.run(t, install(t), kinds, outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)
	long := strings.Repeat("x", 40)
	fill := func(from, to int, until func(condition string) bool) {
		t.Helper()
		for i := from; i < to; i++ {
			sidecarSet(t, fmt.Sprintf("%s-%d", long, i), nil)
		}
		eventually(t, 10*time.Second, func(context.Context) error {
			if condition := podCondition(t); !until(condition) {
				return fmt.Errorf("condition of %d bytes", len(condition))
			}
			return nil
		})
	}
	fill(0, 140, func(c string) bool { return strings.Contains(c, long+"-139'") })
	t.Logf("a condition of %d bytes", len(podCondition(t)))
	awaitInjection(t, namespace, long+"-139", 5*time.Second)
	// As many variables as a request has room for.
	huge := labelled(namespace, "none")
	huge.Spec.Containers = append(huge.Spec.Containers, corev1.Container{Name: "huge", Image: "app:1"})
	for i := range 40_000 {
		huge.Spec.Containers[1].Env = append(huge.Spec.Containers[1].Env, corev1.EnvVar{Name: fmt.Sprintf("A%d", i)})
	}
	if err := env.Client.Create(t.Context(), huge, client.DryRunAll); err != nil {
		t.Errorf("a large Pod that nothing matches: %v", err)
	}
	fill(140, 180, func(c string) bool { return c == "true" })
	awaitInjection(t, namespace, long+"-179", 5*time.Second)
}

// Pods start while the kind is not installed, and get sidecars as soon as it is.
func TestInjectionOfAKindThatComesLater(t *testing.T) {
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	var crd *apiextensionsv1.CustomResourceDefinition
	for i := range crds {
		if crds[i].Spec.Names.Kind == "SidecarSet" {
			crd = crds[i]
		}
	}
	live := &apiextensionsv1.CustomResourceDefinition{}
	if err := env.Client.Delete(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, func(ctx context.Context) error {
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(crd), live); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the CRD is still there: %w", err)
		}
		return nil
	})
	r := &replica{}
	r.run(t, install(t), kinds, outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)
	ordered := bare(namespace, nil, nil)
	ordered.Annotations = map[string]string{"apps.kruise.io/container-launch-priority": "Ordered"}
	if err := env.Client.Create(t.Context(), ordered); err != nil {
		t.Errorf("a Pod that another step changes: %v", err)
	}
	crd.ResourceVersion = ""
	if err := env.Client.Create(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(crd), live); err != nil {
			return err
		}
		for _, c := range live.Status.Conditions {
			if c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue {
				return nil
			}
		}
		return errors.New("the CRD is not established")
	})
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		return env.Client.List(ctx, &v1beta1.SidecarSetList{})
	})
	set := sidecarSet(t, "late", nil)
	start := time.Now()
	awaitInjection(t, namespace, set.Name, 15*time.Second)
	t.Logf("injected %s after the first SidecarSet of a kind that came later", time.Since(start))
}
