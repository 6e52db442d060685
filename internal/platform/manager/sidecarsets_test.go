// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

func sidecarSetIn(t *testing.T, version, text string) *unstructured.Unstructured {
	t.Helper()
	set := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &set.Object); err != nil {
		t.Fatal(err)
	}
	set.SetAPIVersion("apps.kruise.io/" + version)
	set.SetKind("SidecarSet")
	return set
}

// A SidecarSet through the schema, both webhooks and the manager's own rights (sidecarset spec 5), in both versions.
func TestSidecarSetsAreAdmitted(t *testing.T) {
	account := install(t)
	restoreConversions(t)
	r := &replica{}
	r.run(t, account, func(s surroundings) []kind { return []kind{sidecarSets(s, nil)} }, outside())
	r.awaitReady(t, 30*time.Second)
	for _, version := range []string{"v1alpha1", "v1beta1"} {
		t.Run(version, func(t *testing.T) {
			name := "log-" + version
			set := sidecarSetIn(t, version, `{metadata: {name: `+name+`}, spec: {selector: {matchLabels: {app: `+version+`}}, containers: [{name: log, image: "busybox:1.36"}]}}`)
			if err := env.Client.Create(t.Context(), set); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = env.Client.Delete(t.Context(), set) }) // the API server goes with the tests
			want := map[string]string{
				"kruise.io/sidecarset-hash":               "bzv6592862b6w846cw4xx5w9647xz74dxc6d24fw7b6bcx554fxd2z4z4vbd8ff4",
				"kruise.io/sidecarset-hash-without-image": "4424wfff8b57d47vb7684zc4bb5478vxwwdcz7dd2xdwbf4d4446424d4w29cwd5",
			}
			if diff := cmp.Diff(want, set.GetAnnotations()); diff != "" {
				t.Errorf("hashes (-want +got):\n%s", diff)
			}
			generation := set.GetGeneration()
			err := retry.RetryOnConflict(retry.DefaultBackoff, func() error { // with the controller, which writes the status
				return errors.Join(env.Client.Get(t.Context(), client.ObjectKeyFromObject(set), set), env.Client.Update(t.Context(), set))
			})
			if err != nil || set.GetGeneration() != generation {
				t.Errorf("a write of what was read: %v, generation %d after %d", err, set.GetGeneration(), generation)
			}
			same := sidecarSetIn(t, version, `{metadata: {name: other-`+version+`}, spec: {selector: {matchLabels: {app: `+version+`}}, containers: [{name: log, image: a}]}}`)
			refused(t, env.Client.Create(t.Context(), same), "SidecarSet "+name+" has a container of this name")
			wrong := sidecarSetIn(t, version, `{metadata: {name: wrong-`+version+`}, spec: {updateStrategy: {type: Odd}, containers: [{name: "B!"}, {name: a, image: a,
				volumeMounts: [{name: none, mountPath: /x}], transferEnv: [{envName: A}]}], initContainers: [{name: a, image: a, env: [{name: ""}]}]}}`)
			refused(t, env.Client.Create(t.Context(), wrong), "spec.selector: Required value", "spec.updateStrategy.type: Unsupported value",
				`spec.containers[0].name: Invalid value: "B!"`, "spec.containers[0].image: Required value", `spec.containers[1].volumeMounts[0].name: Not found: "none"`,
				"spec.initContainers[0].env[0].name: Required value", `"a"`)
			refused(t, env.Client.Patch(t.Context(), set, client.RawPatch("application/merge-patch+json",
				[]byte(`{"spec":{"injectionStrategy":{"revision":{"revisionName":"none"}},"patchPodMetadata":[{"annotations":{"a":"b"}}]}}`))),
				`spec.injectionStrategy.revision.revisionName: Not found: "none"`, "spec.patchPodMetadata: Forbidden")
		})
	}
}

// The white list is read with the manager's own rights, and at once.
func TestSidecarSetsFollowTheWhitelist(t *testing.T) {
	account := install(t)
	r := &replica{}
	r.run(t, account, func(s surroundings) []kind { return []kind{sidecarSets(s, nil)} }, outside())
	r.awaitReady(t, 30*time.Second)
	list := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kruise-system", Name: "kruise-configuration"},
		Data:       map[string]string{"SidecarSet_PatchPodMetadata_WhiteList": `{"rules":[{"allowedAnnotationKeyExprs":["^a$"]}]}`},
	}
	if err := env.Client.Create(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Client.Delete(t.Context(), list) }) // the API server goes with the tests
	set := func(key string) *unstructured.Unstructured {
		return sidecarSetIn(t, "v1beta1", `{metadata: {generateName: a-}, spec: {selector: {matchLabels: {app: a}}, containers: [{name: log, image: a}],
			patchPodMetadata: [{annotations: {`+key+`: b}}]}}`)
	}
	refused(t, env.Client.Create(t.Context(), set("b"), client.DryRunAll), "spec.patchPodMetadata[0].annotations[b]: Forbidden")
	if err := env.Client.Create(t.Context(), set("a"), client.DryRunAll); err != nil {
		t.Error(err)
	}
}

// refused wants an answer 422 that names all of it.
func refused(t *testing.T, err error, all ...string) {
	t.Helper()
	if !apierrors.IsInvalid(err) {
		t.Errorf("answer %v, want 422", err)
		return
	}
	for _, text := range all {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the answer lacks %q:\n%v", text, err)
		}
	}
}
