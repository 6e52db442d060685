// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/cli"
	"kruise.io/kruise/test/apiserver"
)

const cloneSets = "clonesets.apps.kruise.io"

var env *apiserver.Environment

func TestMain(m *testing.M) {
	os.Exit(apiserver.Main(m, func(e *apiserver.Environment) { env = e }))
}

// migrate runs the command as a user does.
func migrate(ctx context.Context, t *testing.T, kubeconfig string, args ...string) (answer, progress string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	command := cli.New(genericiooptions.IOStreams{Out: &out, ErrOut: &errOut})
	command.SetArgs(append([]string{"migrate-storage", "--kubeconfig", kubeconfig}, args...))
	err = command.ExecuteContext(ctx)
	return out.String(), errOut.String(), err
}

func kubeconfig(t *testing.T) string {
	t.Helper()
	file := clientcmdapi.NewConfig()
	file.Clusters["c"] = &clientcmdapi.Cluster{Server: env.Config.Host, CertificateAuthorityData: env.Config.CAData}
	file.AuthInfos["u"] = &clientcmdapi.AuthInfo{ClientCertificateData: env.Config.CertData, ClientKeyData: env.Config.KeyData}
	file.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	file.CurrentContext = "x"
	path := t.TempDir() + "/kubeconfig"
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// store makes one version the storage version.
func store(t *testing.T, version string) {
	t.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := env.Client.Get(t.Context(), types.NamespacedName{Name: cloneSets}, crd); err != nil {
		t.Fatal(err)
	}
	for i := range crd.Spec.Versions {
		crd.Spec.Versions[i].Storage = crd.Spec.Versions[i].Name == version
	}
	if err := env.Client.Update(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
}

func storedVersions(t *testing.T) []string {
	t.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := env.Client.Get(t.Context(), types.NamespacedName{Name: cloneSets}, crd); err != nil {
		t.Fatal(err)
	}
	return crd.Status.StoredVersions
}

// versions are the resourceVersions of all objects by name, and their generations.
func versions(t *testing.T, namespace string) (resource map[string]string, generation map[string]int64) {
	t.Helper()
	list := &v1beta1.CloneSetList{}
	if err := env.Client.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	resource, generation = map[string]string{}, map[string]int64{}
	for i := range list.Items {
		resource[list.Items[i].Name], generation[list.Items[i].Name] = list.Items[i].ResourceVersion, list.Items[i].Generation
	}
	return resource, generation
}

// Objects stored as v1alpha1 are stored as v1beta1 afterwards, all of them, and nothing else about them changes; an interrupted run leaves the
// CRD as it was, and the next one goes on.
func TestMigrateStorage(t *testing.T) {
	const objects = 1203 // more than two pages
	namespace, config := env.Namespace(t), kubeconfig(t)
	store(t, "v1alpha1")
	for i := range objects {
		set := &v1alpha1.CloneSet{}
		set.Namespace, set.Name = namespace, fmt.Sprintf("set-%04d", i)
		set.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}}
		set.Spec.Template = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "a"}}}
		if err := env.Client.Create(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	}
	store(t, "v1beta1")
	before, generations := versions(t, namespace)

	answer, _, err := migrate(t.Context(), t, config, "--dry-run")
	if want := cloneSets + ": some may be stored as v1alpha1, to be stored as v1beta1"; err != nil || !strings.Contains(answer, want) {
		t.Fatalf("dry run: %v, %q, want %q", err, answer, want)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := migrate(stopped, t, config); err == nil || !slices.Contains(storedVersions(t), "v1alpha1") {
		t.Fatalf("interrupted: %v, stored versions %v", err, storedVersions(t))
	}

	answer, progress, err := migrate(t.Context(), t, config, cloneSets)
	if want := fmt.Sprintf("%s: %d stored as v1beta1\n", cloneSets, objects); err != nil || answer != want {
		t.Fatalf("migrate: %v, %q, want %q; progress %q", err, answer, want, progress)
	}
	if got := storedVersions(t); !slices.Equal(got, []string{"v1beta1"}) {
		t.Errorf("stored versions %v", got)
	}
	after, same := versions(t, namespace)
	for name, version := range before {
		if after[name] == version {
			t.Fatalf("%s has not been written", name)
		}
		if same[name] != generations[name] {
			t.Fatalf("%s: generation %d, was %d", name, same[name], generations[name])
		}
	}
	if answer, _, err = migrate(t.Context(), t, config); err != nil || !strings.Contains(answer, cloneSets+": all stored as v1beta1\n") {
		t.Errorf("again: %v, %q", err, answer)
	}
	if again, _ := versions(t, namespace); again["set-0000"] != after["set-0000"] {
		t.Error("a second run writes again")
	}
}

func TestMigrateStorageRefusesUnknownKinds(t *testing.T) {
	if _, _, err := migrate(t.Context(), t, kubeconfig(t), "pods"); err == nil || !strings.Contains(err.Error(), cloneSets) {
		t.Errorf("the error does not say what kinds there are: %v", err)
	}
}
