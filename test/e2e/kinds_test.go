// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/config"
	"kruise.io/kruise/test/fixtures/objects"
)

// What people do with kubectl works on every kind, in every version that it is served in, also before its controller exists.
func TestKubectlOnEveryKind(t *testing.T) {
	s := shared(t)
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	documents, err := objects.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range crds {
		for _, version := range crd.Spec.Versions {
			t.Run(crd.Spec.Names.Plural+"/"+version.Name, func(t *testing.T) {
				k := kubectlOn{T: t, namespace: s.Name, crd: crd, version: version.Name}
				k.explains()
				found := false
				for _, document := range documents {
					object := document.Object
					if object.GetKind() == crd.Spec.Names.Kind && object.GroupVersionKind().Group == crd.Spec.Group && object.GroupVersionKind().Version == version.Name {
						found = true
						// these have admission by now, which refuses fields that exclude each other
						admitted := slices.Contains([]string{"CloneSet", "SidecarSet"}, crd.Spec.Names.Kind)
						if !admitted || object.GetName() == "minimal" {
							k.handles(object.DeepCopy())
						}
					}
				}
				if !found {
					t.Errorf("there is no object to try")
				}
			})
		}
	}
}

// kubectlOn runs kubectl on one version of one kind.
type kubectlOn struct {
	*testing.T
	namespace string
	crd       *apiextensionsv1.CustomResourceDefinition
	version   string
}

// run runs kubectl and returns what it says; a failure fails the test.
func (k kubectlOn) run(input string, args ...string) string {
	k.Helper()
	out, err := suite.Kubectl(k.Context(), input, append(args, "-n", k.namespace)...)
	if err != nil {
		k.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// resource is how kubectl is told of a resource in a version.
func (k kubectlOn) resource(version string) string {
	return fmt.Sprintf("%s.%s.%s", k.crd.Spec.Names.Plural, version, k.crd.Spec.Group)
}

// explains checks that the documentation of the fields is served.
func (k kubectlOn) explains() {
	k.Helper()
	out := k.run("", "explain", k.crd.Spec.Names.Plural+".spec", "--api-version", k.crd.Spec.Group+"/"+k.version)
	for _, want := range []string{"KIND: ", "DESCRIPTION:", "FIELDS:"} {
		if !strings.Contains(out, want) {
			k.Errorf("explain says no %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "<no description>") || strings.Contains(out, "<empty>") {
		k.Errorf("a field of the spec is not described:\n%s", out)
	}
}

// handles applies, compares, waits for, shows, converts and deletes the object.
func (k kubectlOn) handles(object *unstructured.Unstructured) {
	k.Helper()
	name := strings.ToLower(k.version + "-" + object.GetName())
	object.SetName(name)
	object.SetFinalizers(nil) // there is nobody yet to take them off
	manifest, err := yaml.Marshal(object.Object)
	if err != nil {
		k.Fatal(err)
	}
	apply := []string{"apply", "--server-side", "-f", "-"}
	if out := k.run(string(manifest), apply...); !strings.Contains(out, "serverside-applied") {
		k.Errorf("apply says %q", out)
	}
	k.same(string(manifest))
	k.run("", "wait", "--for=jsonpath={.metadata.name}="+name, "--timeout=30s", k.resource(k.version)+"/"+name)
	table := k.run("", "get", k.resource(k.version), name)
	heading, _, _ := strings.Cut(table, "\n")
	for _, column := range k.columns() {
		if !strings.Contains(heading, strings.ToUpper(column)) {
			k.Errorf("get shows no column %s:\n%s", column, table)
		}
	}
	for _, version := range k.crd.Spec.Versions {
		if out := k.run("", "get", k.resource(version.Name), name, "-o", "name"); !strings.Contains(out, name) {
			k.Errorf("get in %s says %q", version.Name, out)
		}
	}
	k.run("", "delete", k.resource(k.version), name, "--wait=false")
}

// same waits until kubectl finds no difference between the manifest and the object: a controller may be writing its status just then.
func (k kubectlOn) same(manifest string) {
	k.Helper()
	var last error
	err := wait.PollUntilContextTimeout(k.Context(), time.Second, 20*time.Second, true, func(ctx context.Context) (bool, error) {
		_, last = suite.Kubectl(ctx, manifest, "diff", "--server-side", "-f", "-", "-n", k.namespace) // exits with 1 when something differs
		return last == nil, nil
	})
	if err != nil {
		k.Errorf("diff: %v: %v", err, last)
	}
}

// columns are the names of those that `kubectl get` shows.
func (k kubectlOn) columns() []string {
	var names []string
	for _, version := range k.crd.Spec.Versions {
		if version.Name != k.version {
			continue
		}
		for _, column := range version.AdditionalPrinterColumns {
			if column.Priority == 0 {
				names = append(names, column.Name)
			}
		}
	}
	return names
}
