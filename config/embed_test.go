// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"io/fs"
	"path"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

func TestEveryManifestIsInstalled(t *testing.T) {
	for _, part := range Everything() {
		listed, err := resources(part)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := fs.ReadDir(manifests, string(part))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.Name() != "kustomization.yaml" && !slices.Contains(listed, entry.Name()) {
				t.Errorf("%s is not in the kustomization of its folder", path.Join(string(part), entry.Name()))
			}
		}
	}
}

func TestManifestsAreStrictlyTyped(t *testing.T) {
	objects, err := Objects(Namespace, RBAC, Manager, Webhook)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		typed, err := clientgoscheme.Scheme.New(object.GroupVersionKind())
		if err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
			continue
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
	if _, err := CRDs(); err != nil {
		t.Error(err)
	}
}

// The manager may write nothing that could make it more than it is, and reads no Secret but its own, and no ConfigMaps at large (manager specification 19.10).
func TestLeastPrivilege(t *testing.T) {
	objects, err := Objects(RBAC)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if object.GetKind() != "ClusterRole" {
			continue
		}
		role := &rbacv1.ClusterRole{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, list := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs} {
				if slices.Contains(list, "*") {
					t.Errorf("ClusterRole %s has a rule for everything: %v", role.Name, rule)
				}
			}
			for _, resource := range []string{"secrets", "pods/exec", "serviceaccounts/token"} {
				if slices.Contains(rule.Resources, resource) {
					t.Errorf("ClusterRole %s has %s", role.Name, resource)
				}
			}
			// launch barriers are ConfigMaps that it knows by name; it does not look for others
			if slices.Contains(rule.Resources, "configmaps") && !slices.Equal(rule.Verbs, []string{"create", "delete", "get", "patch"}) {
				t.Errorf("ClusterRole %s may %v configmaps", role.Name, rule.Verbs)
			}
		}
	}
}

// Whoever writes owner references that block the deletion of the owner needs this right where admission plugin
// OwnerReferencesPermissionEnforcement is on: CloneSets own Pods, and Pods own claims that are handed over to them.
func TestOwnersMayBeBlocked(t *testing.T) {
	objects, err := Objects(RBAC)
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]string{"pods/finalizers": "", "clonesets/finalizers": "apps.kruise.io"}
	for _, object := range objects {
		if object.GetKind() != "ClusterRole" {
			continue
		}
		role := &rbacv1.ClusterRole{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for resource, group := range missing {
				if slices.Contains(rule.Resources, resource) && slices.Contains(rule.APIGroups, group) && slices.Contains(rule.Verbs, "update") {
					delete(missing, resource)
				}
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("no ClusterRole may update %v", missing)
	}
}
