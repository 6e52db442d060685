// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/config"
)

// removeCRDs removes CRDs of the product, those of all kinds if none is named, and puts them back at the end of the test.
func removeCRDs(t *testing.T, kinds ...string) {
	t.Helper()
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range crds {
		if len(kinds) > 0 && !slices.Contains(kinds, crd.Spec.Names.Kind) {
			continue
		}
		if err := client.IgnoreNotFound(env.Client.Delete(t.Context(), crd.DeepCopy())); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			crd.ResourceVersion = ""
			crd.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter}
			if err := client.IgnoreAlreadyExists(env.Client.Create(context.WithoutCancel(t.Context()), crd.DeepCopy())); err != nil {
				t.Error(err)
			}
		})
	}
	for _, crd := range crds {
		if len(kinds) > 0 && !slices.Contains(kinds, crd.Spec.Names.Kind) {
			continue
		}
		// the API server first deletes the objects, and tries again with pauses
		eventually(t, time.Minute, func(ctx context.Context) error {
			err := env.Client.Get(ctx, client.ObjectKeyFromObject(crd), &apiextensionsv1.CustomResourceDefinition{})
			if err == nil {
				return fmt.Errorf("CRD %s is still there", crd.Name)
			}
			return client.IgnoreNotFound(err)
		})
	}
}

// addCloneSets installs the CRD of CloneSets and returns when a new CloneSet was defaulted and reconciled, with the time that it took.
func addCloneSets(t *testing.T, namespace, name string) time.Duration {
	t.Helper()
	begin := time.Now()
	crd := cloneSetCRD(t)
	crd.ResourceVersion = ""
	if err := env.Client.Create(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	set := cloneSet(namespace, name)
	eventually(t, 20*time.Second, func(ctx context.Context) error {
		set = cloneSet(namespace, name)
		return client.IgnoreAlreadyExists(env.Client.Create(ctx, set))
	})
	if set.Spec.RevisionHistoryLimit == nil {
		t.Error("the webhook was not called")
	}
	awaitObserved(t, namespace, name)
	return time.Since(begin)
}

func awaitObserved(t *testing.T, namespace, name string) {
	t.Helper()
	eventually(t, 20*time.Second, func(ctx context.Context) error {
		set := &v1beta1.CloneSet{}
		if err := env.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, set); err != nil {
			return err
		}
		if set.Status.ObservedGeneration == 0 {
			return errors.New("the CloneSet is not reconciled")
		}
		return nil
	})
}

// The product starts without any of its CRDs; a kind works as soon as its CRD is there, also when it comes back, and while it is away nobody
// asks for it all the time.
func TestKindsComeAndGo(t *testing.T) {
	removeCRDs(t)
	r := &replica{}
	r.run(t, install(t), kinds, outside())
	t.Logf("ready without any CRD after %s", r.awaitReady(t, 10*time.Second))
	namespace := env.Namespace(t)
	t.Logf("CloneSets work %s after their CRD came", addCloneSets(t, namespace, "first"))

	removeCRDs(t, "CloneSet")
	r.says(t, "The controller has ended", "cloneset-controller")
	calm := failedRequests(t, "404")
	if err := get(t.Context(), r.health+"/readyz"); err != nil {
		t.Errorf("without the kind the manager is not ready: %v", err)
	}
	never(t, 3*time.Second, func() error {
		if asked := failedRequests(t, "404") - calm; asked > 10 {
			return fmt.Errorf("%v requests for what is not there", asked)
		}
		return nil
	})
	t.Logf("CloneSets work %s after their CRD came back", addCloneSets(t, namespace, "second"))
}

func never(t *testing.T, during time.Duration, check func() error) {
	t.Helper()
	for end := time.Now().Add(during); time.Now().Before(end); {
		if err := check(); err != nil {
			t.Fatal(err)
		}
	}
}

// RBAC is modular, too: a manager that may not see a kind leaves it alone, says so once, and works with it when it may.
func TestPermissionForOneKindThatComesLater(t *testing.T) {
	restConfig := install(t)
	role := &rbacv1.ClusterRole{}
	if err := env.Client.Get(t.Context(), client.ObjectKey{Name: "kruise-manager-role"}, role); err != nil {
		t.Fatal(err)
	}
	whole := role.DeepCopy()
	restore := func() {
		whole.ResourceVersion = ""
		if err := env.Client.Update(context.WithoutCancel(t.Context()), whole.DeepCopy()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(restore)
	role.Rules = slices.DeleteFunc(role.Rules, func(rule rbacv1.PolicyRule) bool { return slices.Contains(rule.Resources, "clonesets") })
	if err := env.Client.Update(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	own, err := client.New(restConfig, client.Options{Scheme: env.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		if err := own.List(ctx, &v1beta1.CloneSetList{}); !apierrors.IsForbidden(err) {
			return fmt.Errorf("the account may still list CloneSets: %w", err)
		}
		return nil
	})
	r := &replica{}
	r.run(t, restConfig, kinds, outside())
	r.awaitReady(t, 10*time.Second)
	r.says(t, "The permission to list and watch the kind is missing", "CloneSet.apps.kruise.io")
	namespace := env.Namespace(t)
	if err := env.Client.Create(t.Context(), cloneSet(namespace, "a")); err != nil {
		t.Fatal(err)
	}
	never(t, 2*time.Second, func() error { return get(t.Context(), r.health+"/healthz") })
	if lines := strings.Count(r.log.String(), "The permission to list and watch the kind is missing"); lines != 1 {
		t.Errorf("it is said %d times, want once", lines)
	}
	begin := time.Now()
	restore()
	awaitObserved(t, namespace, "a")
	t.Logf("CloneSets work %s after the permission came", time.Since(begin))
}
