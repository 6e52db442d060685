// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

// manifest is a valid CloneSet as a user writes it, of no replicas.
const manifest = `
apiVersion: apps.kruise.io/%s
kind: CloneSet
metadata:
  name: web
  namespace: %s
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: playground/web:v1
        env: [{name: A, value: "1"}]
`

// written decodes the manifest in a version, with fields set: pairs of a path ("spec.replicas") and a value in YAML.
func (s *space) written(version string, fields ...string) *unstructured.Unstructured {
	s.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(fmt.Appendf(nil, manifest, version, s.Name), &object.Object); err != nil {
		s.Fatal(err)
	}
	s.setFields(object, fields...)
	return object
}

func (s *space) setFields(object *unstructured.Unstructured, fields ...string) {
	s.Helper()
	for i := 0; i+1 < len(fields); i += 2 {
		var value any
		if err := yaml.Unmarshal([]byte(fields[i+1]), &value); err != nil {
			s.Fatal(err)
		}
		if number, ok := value.(float64); ok {
			value = int64(number)
		}
		if err := unstructured.SetNestedField(object.Object, value, strings.Split(fields[i], ".")...); err != nil {
			s.Fatal(err)
		}
	}
}

// refusal is a bad object and what its refusal must say.
type refusal struct {
	name   string
	fields []string
	says   []string
}

// refusedInBoth are bad in every version; the fields are at the same place.
func refusedInBoth() []refusal {
	return []refusal{
		{"negative replicas", []string{"spec.replicas", "-1"}, []string{"spec.replicas", "-1"}},
		{"replicas of a wrong type", []string{"spec.replicas", "three"}, []string{"spec.replicas", "three"}},
		{"empty selector", []string{"spec.selector", "{}"}, []string{"spec.selector"}},
		{"selector that does not match", []string{"spec.selector.matchLabels", "{app: other}"}, []string{"spec.template.metadata.labels"}},
		{"restart policy", []string{"spec.template.spec.restartPolicy", "Never"}, []string{"spec.template.spec.restartPolicy", "Never"}},
		{"active deadline", []string{"spec.template.spec.activeDeadlineSeconds", "5"}, []string{"spec.template.spec.activeDeadlineSeconds"}},
		{"invalid template", []string{"spec.template.spec.containers", "[{name: main}]"}, []string{"spec.template.spec.containers[0].image"}},
		{
			"mount of no volume",
			[]string{"spec.template.spec.containers", "[{name: main, image: a, volumeMounts: [{name: data, mountPath: /data}]}]"},
			[]string{"spec.template.spec.containers[0].volumeMounts[0].name", "data"},
		},
		{"twice the same Pod", []string{"spec.scaleStrategy", "{podsToDelete: [a, a]}"}, []string{"spec.scaleStrategy.podsToDelete"}},
		{"scale limit", []string{"spec.scaleStrategy", "{maxUnavailable: 5x}"}, []string{"spec.scaleStrategy.maxUnavailable", "5x"}},
		{
			"deadline before ready",
			[]string{"spec.minReadySeconds", "10", "spec.progressDeadlineSeconds", "10"},
			[]string{"spec.progressDeadlineSeconds", "10"},
		},
		{"name too long for Pods", []string{"metadata.name", strings.Repeat("a", 260)}, []string{"metadata.name"}},
		{
			"two mistakes are told at once",
			[]string{"spec.scaleStrategy", "{podsToDelete: [a, a]}", "spec.template.spec.restartPolicy", "Never"},
			[]string{"spec.scaleStrategy.podsToDelete", "spec.template.spec.restartPolicy"},
		},
	}
}

// refusedStrategies are bad update strategies; at is where the fields are in a version.
func refusedStrategies(at string) []refusal {
	field := func(name string) string { return at + "." + name }
	return []refusal{
		{"partition without percent sign", []string{field("partition"), `"5"`}, []string{field("partition"), "5"}},
		{"negative partition", []string{field("partition"), "-1"}, []string{field("partition"), "-1"}},
		{"malformed percentage", []string{field("maxUnavailable"), "abc%"}, []string{field("maxUnavailable"), "abc%"}},
		{"numeric string", []string{field("maxSurge"), `"5"`}, []string{field("maxSurge"), "5"}},
		{"negative maxUnavailable", []string{field("maxUnavailable"), "-2"}, []string{field("maxUnavailable"), "-2"}},
		{
			"neither unavailable nor surge",
			[]string{"spec.replicas", "2", field("maxUnavailable"), "0", field("maxSurge"), "0"},
			[]string{field("maxUnavailable")},
		},
		{
			"two kinds of priority",
			[]string{field("priorityStrategy"), "{weightPriority: [{weight: 1, matchSelector: {matchLabels: {a: b}}}], orderPriority: [{orderedKey: a}]}"},
			[]string{field("priorityStrategy")},
		},
		{"weight out of range", []string{field("priorityStrategy"), "{weightPriority: [{weight: 101, matchSelector: {matchLabels: {a: b}}}]}"}, []string{field("priorityStrategy")}},
		{"twice the same scatter", []string{field("scatterStrategy"), "[{key: a, value: b}, {key: a, value: b}]"}, []string{field("scatterStrategy")}},
	}
}

func TestAdmissionRefuses(t *testing.T) {
	s := shared(t)
	beta := append(refusedInBoth(), refusedStrategies("spec.updateStrategy.rollingUpdate")...)
	beta = append(beta, []refusal{
		{"unknown type", []string{"spec.updateStrategy.type", "Sometimes"}, []string{"spec.updateStrategy.type", "Sometimes"}},
		{"unknown policy", []string{"spec.updateStrategy.rollingUpdate.podUpdatePolicy", "Magic"}, []string{"spec.updateStrategy.rollingUpdate.podUpdatePolicy", "Magic"}},
		{
			"surge with InPlaceOnly",
			[]string{"spec.updateStrategy.rollingUpdate", "{podUpdatePolicy: InPlaceOnly, maxSurge: 1}"},
			[]string{"spec.updateStrategy.rollingUpdate.maxSurge"},
		},
		{
			"pre-download parallelism in percent",
			[]string{"spec.updateStrategy.rollingUpdate", "{inPlaceUpdateStrategy: {imagePreDownloadParallelism: 10%}}"},
			[]string{"imagePreDownloadParallelism", "does not support percentage value"},
		},
	}...)
	alpha := append(refusedInBoth(), refusedStrategies("spec.updateStrategy")...)
	alpha = append(alpha, []refusal{
		{"type of the other version", []string{"spec.updateStrategy.type", "RollingUpdate"}, []string{"spec.updateStrategy.type", "RollingUpdate"}},
		{"a Pod that is not its own", []string{"spec.scaleStrategy", "{podsToDelete: [web-nobody]}"}, []string{"spec.scaleStrategy.podsToDelete", "web-nobody"}},
	}...)
	for version, refusals := range map[string][]refusal{"v1beta1": beta, "v1alpha1": alpha} {
		for _, r := range refusals {
			t.Run(version+"/"+r.name, func(t *testing.T) {
				err := s.client.Create(t.Context(), s.written(version, r.fields...))
				if err == nil {
					t.Fatal("it was accepted")
				}
				if !containsAll(err.Error(), r.says) {
					t.Errorf("the refusal does not say %q: %v", r.says, err)
				}
			})
		}
	}
}

func TestAdmissionOfUpdates(t *testing.T) {
	s := shared(t)
	for _, tc := range []struct {
		name, version  string
		before, change []string
		says           []string
	}{
		{"the selector stays", "v1beta1", nil, []string{
			"spec.selector.matchLabels", "{app: other}", "spec.template.metadata.labels", "{app: other}",
		}, []string{"spec", "selector"}},
		{"no surge without unavailable is fine", "v1beta1", nil, []string{"spec.updateStrategy.rollingUpdate.maxUnavailable", "0", "spec.updateStrategy.rollingUpdate.maxSurge", "1"}, nil},
		{"unknown Pods are cleaned by the controller", "v1beta1", nil, []string{"spec.scaleStrategy", "{podsToDelete: [web-nobody]}"}, nil},
		{"InPlaceOnly takes images only", "v1alpha1", []string{"spec.updateStrategy.type", "InPlaceOnly"}, []string{
			"spec.template.spec.containers", `[{name: main, image: "playground/web:v1", env: [{name: A, value: "2"}]}]`,
		}, []string{"spec"}},
		{"OnDelete can be edited in the old version", "v1alpha1", []string{"spec.updateStrategy.type", "OnDelete"}, []string{"spec.minReadySeconds", "1"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			object := s.written(tc.version, append(tc.before, "metadata.name", strings.ToLower(strings.ReplaceAll(tc.name, " ", "-")))...)
			if err := s.client.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			err := retried(t, func() error {
				if err := s.client.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
					return err
				}
				s.setFields(object, tc.change...)
				err := s.client.Update(t.Context(), object)
				if apierrors.IsConflict(err) {
					return err
				}
				if refused := err != nil; refused != (tc.says != nil) || refused && !containsAll(err.Error(), tc.says) {
					t.Errorf("admission says %v, want %q", err, tc.says)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAdmissionDefaultsAndVersions(t *testing.T) {
	s := shared(t)
	object := s.written("v1beta1", "spec.template.spec.hostNetwork", "false")
	if err := s.client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		"spec.revisionHistoryLimit":                         int64(10),
		"spec.updateStrategy.type":                          "RollingUpdate",
		"spec.updateStrategy.rollingUpdate.podUpdatePolicy": "ReCreate",
		"spec.updateStrategy.rollingUpdate.partition":       int64(0),
		"spec.updateStrategy.rollingUpdate.maxUnavailable":  "20%",
		"spec.updateStrategy.rollingUpdate.maxSurge":        int64(0),
		"spec.template.spec.restartPolicy":                  "Always",
		"spec.template.spec.terminationGracePeriodSeconds":  int64(30),
		"spec.template.spec.schedulerName":                  "default-scheduler",
		"spec.template.spec.dnsPolicy":                      "ClusterFirst",
	} {
		got, _, err := unstructured.NestedFieldNoCopy(object.Object, strings.Split(path, ".")...)
		if err != nil || got != want {
			t.Errorf("the create call returns %s = %v (%v), want %v", path, got, err, want)
		}
	}
	containers, _, err := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
	if err != nil {
		t.Fatal(err)
	}
	if policy := containers[0].(map[string]any)["imagePullPolicy"]; policy != "Always" {
		t.Errorf("imagePullPolicy is %v, want Always whatever the tag", policy)
	}

	beta, alpha := &v1beta1.CloneSet{}, &v1alpha1.CloneSet{}
	for _, version := range []client.Object{beta, alpha} {
		if err := s.client.Get(t.Context(), client.ObjectKeyFromObject(object), version); err != nil {
			t.Fatal(err)
		}
	}
	if alpha.UID != beta.UID || *alpha.Spec.Replicas != *beta.Spec.Replicas || string(alpha.Spec.UpdateStrategy.Type) != string(beta.Spec.UpdateStrategy.RollingUpdate.PodUpdatePolicy) ||
		alpha.Spec.UpdateStrategy.MaxUnavailable.String() != beta.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable.String() ||
		alpha.Spec.ScaleStrategy.DisablePVCReuse == beta.Spec.ScaleStrategy.EnablePVCReuse {
		t.Errorf("the versions do not agree:\n%+v\n%+v", alpha.Spec, beta.Spec)
	}
	// What only the old version's user writes is read back by the new one's, and the other way round.
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error { // the controller writes the status meanwhile
		if err := s.client.Get(t.Context(), client.ObjectKeyFromObject(object), alpha); err != nil {
			return err
		}
		alpha.Spec.UpdateStrategy.Type = v1alpha1.InPlaceIfPossibleCloneSetUpdateStrategyType
		return s.client.Update(t.Context(), alpha)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.client.Get(t.Context(), client.ObjectKeyFromObject(object), beta); err != nil {
		t.Fatal(err)
	}
	if policy := beta.Spec.UpdateStrategy.RollingUpdate.PodUpdatePolicy; policy != v1beta1.InPlaceIfPossibleCloneSetPodUpdatePolicyType {
		t.Errorf("podUpdatePolicy is %s after a write through v1alpha1", policy)
	}
}

func TestAdmissionWarns(t *testing.T) {
	s := shared(t)
	apply := func(fields ...string) string {
		t.Helper()
		fields = append([]string{"spec.updateStrategy.rollingUpdate.podUpdatePolicy", "InPlaceIfPossible", "spec.replicas", "1"}, fields...)
		text, err := yaml.Marshal(s.written("v1beta1", fields...).Object)
		if err != nil {
			t.Fatal(err)
		}
		out, err := suite.Kubectl(t.Context(), string(text), "apply", "-f", "-")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := apply(); strings.Contains(out, "Warning") {
		t.Errorf("the first apply says %q", out)
	}
	if out := apply("spec.template.spec.containers", `[{name: main, image: "playground/web:v2", env: [{name: A, value: "1"}]}]`); !containsAll(out, []string{"Warning", "in place", "main"}) {
		t.Errorf("an image change says %q", out)
	}
	if out := apply("spec.template.spec.containers", `[{name: main, image: "playground/web:v2", env: [{name: A, value: "2"}]}]`); !containsAll(out, []string{"Warning", "recreates", "spec.template.spec.containers[0].env"}) {
		t.Errorf("a change of the environment says %q", out)
	}
	if out := apply("spec.minReadySeconds", "1", "spec.template.spec.containers", `[{name: main, image: "playground/web:v2", env: [{name: A, value: "2"}]}]`); strings.Contains(out, "Warning") {
		t.Errorf("a change that rolls nothing says %q", out)
	}
}

func TestDeletionProtection(t *testing.T) {
	s := shared(t)
	const protection = "policy.kruise.io/delete-protection"
	for value, replicas := range map[string]int32{"Always": 0, "Cascading": 1} {
		name := strings.ToLower(value)
		set := s.start(fixtures.CloneSet(name, fixtures.Replicas(replicas), fixtures.Label(protection, value)))
		if err := s.client.Delete(t.Context(), set); !apierrors.IsForbidden(err) {
			t.Errorf("deleting a CloneSet with protection %s says %v", value, err)
		}
	}
	s.roll("cascading", fixtures.Replicas(0))
	s.change("always", func(set *v1beta1.CloneSet) { delete(set.Labels, protection) })
	for _, name := range []string{"always", "cascading"} {
		if err := s.client.Delete(t.Context(), fixtures.CloneSet(name, fixtures.Namespace(s.Name))); err != nil {
			t.Errorf("deleting CloneSet %s, which nothing protects now: %v", name, err)
		}
	}
}
