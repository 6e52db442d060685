// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"kruise.io/kruise/api/apps/v1beta1"
)

const managerNamespace = "kruise-system"

func clientWith(t *testing.T, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

// recorded makes a revision of SidecarSet s.
func recorded(name string, number int64, modify ...func(*appsv1.ControllerRevision)) *appsv1.ControllerRevision {
	r := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: managerNamespace, Name: name, Labels: map[string]string{v1beta1.SidecarSetNameLabel: "s", v1beta1.SidecarSetCustomVersionLabel: "v1"},
			Annotations:     map[string]string{v1beta1.SidecarSetHashAnnotation: name + "-hash", v1beta1.SidecarSetHashWithoutImageAnnotation: name + "-blank"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps.kruise.io/v1beta1", Kind: "SidecarSet", Name: "s", UID: "uid", Controller: new(true)}},
		},
		Data: runtime.RawExtension{Raw: []byte(`{"spec":{"$patch":"replace","containers":[{"name":"` + name + `","resources":{}}],` +
			`"imagePullSecrets":null,"initContainers":null,"patchPodMetadata":null,"volumes":[{"name":"v"}]}}`)},
		Revision: number,
	}
	for _, m := range modify {
		m(r)
	}
	return r
}

// foreign makes the revision that of an earlier SidecarSet of the name.
func foreign(r *appsv1.ControllerRevision) { r.OwnerReferences[0].UID = "other" }

func asking(name, version string, policy v1beta1.SidecarSetInjectRevisionPolicy) func(*v1beta1.SidecarSet) {
	return func(set *v1beta1.SidecarSet) {
		r := &v1beta1.SidecarSetInjectRevision{Policy: policy}
		if name != "" {
			r.RevisionName = &name
		}
		if version != "" {
			r.CustomVersion = &version
		}
		set.Spec.InjectionStrategy.Revision = r
	}
}

func strategy(modify func(*v1beta1.SidecarSetUpdateStrategy)) func(*v1beta1.SidecarSet) {
	return func(set *v1beta1.SidecarSet) { modify(&set.Spec.UpdateStrategy) }
}

// choosing returns what a Pod gets of set s, which has uid "uid" and container "now".
func choosing(t *testing.T, c *chooser, modify ...func(*v1beta1.SidecarSet)) (definition, error) {
	set := sidecarSet("s", modify...)
	set.UID = "uid"
	set.Spec.Containers = []v1beta1.SidecarContainer{{}}
	set.Spec.Containers[0].Name = "now"
	set.Status.LatestRevision = "latest"
	return c.choose(t.Context(), newMatcher(set), labels.Set{"app": "a"})
}

// Sidecarset spec 3.6.
func TestChoice(t *testing.T) {
	const always, partial = v1beta1.AlwaysSidecarSetInjectRevisionPolicy, v1beta1.PartialSidecarSetInjectRevisionPolicy
	percent := func(text string) func(*v1beta1.SidecarSet) {
		return strategy(func(s *v1beta1.SidecarSetUpdateStrategy) { s.Partition = new(intstr.FromString(text)) })
	}
	onlyFor := func(app string) func(*v1beta1.SidecarSet) {
		return strategy(func(s *v1beta1.SidecarSetUpdateStrategy) { s.Selector = matchLabels("app", app) })
	}
	type modified = []func(*v1beta1.SidecarSet)
	for name, c := range map[string]struct {
		set    modified
		random float64
		want   string
	}{
		"nothing asked":                     {nil, 0, "now"},
		"no selectors":                      {modified{asking("", "", always)}, 0, "now"},
		"always":                            {modified{asking("old", "", always)}, 0.99, "old"},
		"an unknown policy":                 {modified{asking("old", "", "")}, 0.99, "old"},
		"partial":                           {modified{asking("old", "", partial)}, 0, "now"},
		"partial, paused":                   {modified{asking("old", "", partial), strategy(func(s *v1beta1.SidecarSetUpdateStrategy) { s.Paused = true })}, 0, "old"},
		"partial, outside of the selector":  {modified{asking("old", "", partial), onlyFor("b")}, 0.99, "old"},
		"partial, inside of the selector":   {modified{asking("old", "", partial), onlyFor("a")}, 0, "now"},
		"partial with a number":             {modified{asking("old", "", partial), strategy(func(s *v1beta1.SidecarSetUpdateStrategy) { s.Partition = new(intstr.FromInt32(5)) })}, 0, "now"},
		"partial, drawn":                    {modified{asking("old", "", partial), percent("30%")}, 0.299, "old"},
		"partial, not drawn":                {modified{asking("old", "", partial), percent("30%")}, 0.3, "now"},
		"partial, all":                      {modified{asking("old", "", partial), percent("100%")}, 0.999, "old"},
		"partial, none":                     {modified{asking("old", "", partial), percent("0%")}, 0, "now"},
		"type plays no role":                {modified{asking("old", "", always), strategy(func(s *v1beta1.SidecarSetUpdateStrategy) { s.Type = "NotUpdate" })}, 0, "old"},
		"by version, the latest":            {modified{asking("", "v1", always)}, 0, "newer"},
		"by name, which wins over versions": {modified{asking("old", "v1", always)}, 0, "old"},
	} {
		t.Run(name, func(t *testing.T) {
			reader := clientWith(t, recorded("old", 1), recorded("newer", 3), recorded("foreign", 9, foreign), recorded("of-t", 9, func(r *appsv1.ControllerRevision) {
				r.Labels[v1beta1.SidecarSetNameLabel] = "t"
			}))
			got, err := choosing(t, &chooser{cached: reader, live: reader, namespace: managerNamespace, random: func() float64 { return c.random }}, c.set...)
			if err != nil {
				t.Fatal(err)
			}
			if name := got.set.Spec.Containers[0].Name; name != c.want {
				t.Fatalf("got the definition of %s, want %s", name, c.want)
			}
			want := definition{hash: c.want + "-hash", hashWithoutImage: c.want + "-blank", revision: c.want}
			if c.want == "now" {
				want = definition{hash: "s-hash", hashWithoutImage: "s-blank", revision: "latest"}
			}
			if got.hash != want.hash || got.hashWithoutImage != want.hashWithoutImage || got.revision != want.revision {
				t.Errorf("recorded as %s %s %s", got.hash, got.hashWithoutImage, got.revision)
			}
			if c.want != "now" && (len(got.set.Spec.Volumes) != 1 || got.set.Spec.Selector != nil || got.set.Name != "s") {
				t.Errorf("definition %+v", got.set.Spec)
			}
		})
	}
}

// What the cache does not know yet is looked up live; what is nowhere, or not of this SidecarSet (8.12), refuses the Pod, whatever the policy.
func TestLookUpOfRevisions(t *testing.T) {
	live := clientWith(t, recorded("old", 1), recorded("foreign", 2, foreign), recorded("of-t", 2, func(r *appsv1.ControllerRevision) {
		r.Labels[v1beta1.SidecarSetNameLabel] = "t"
	}), recorded("orphan", 2, func(r *appsv1.ControllerRevision) {
		r.OwnerReferences, r.Labels[v1beta1.SidecarSetCustomVersionLabel] = nil, "v0"
	}), recorded("broken", 2, func(r *appsv1.ControllerRevision) { r.Data.Raw = []byte(`{}`) }))
	for _, c := range []struct{ name, version, want, refused string }{
		{name: "old", want: "old"}, {name: "orphan", want: "orphan"}, {version: "v1", want: "broken"}, {version: "v0", want: "orphan"},
		{name: "none", refused: `"none" not found`}, {name: "foreign", refused: "not one of this SidecarSet"}, {name: "of-t", refused: "not one of this SidecarSet"},
		{version: "v9", refused: `customVersion "v9"`}, {name: "broken", refused: "decode revision broken"},
	} {
		got, err := choosing(t, &chooser{cached: clientWith(t), live: live, namespace: managerNamespace},
			asking(c.name, c.version, v1beta1.AlwaysSidecarSetInjectRevisionPolicy))
		switch {
		case c.version == "v1": // the latest one of that version, which holds nothing
			if err == nil || !strings.Contains(err.Error(), "broken") {
				t.Errorf("%+v: %v", c, err)
			}
		case c.refused != "":
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%+v: error %v", c, err)
			}
		case err != nil || got.revision != c.want:
			t.Errorf("%+v: got %s, %v", c, got.revision, err)
		}
	}
	_, err := choosing(t, &chooser{cached: live, live: live, namespace: managerNamespace}, asking("none", "", v1beta1.PartialSidecarSetInjectRevisionPolicy))
	if err == nil {
		t.Error("a revision that is not there does not refuse where the Pod would get the current definition")
	}
}

// Hashes that a revision lacks are computed (sidecarset spec 3.3).
func TestRevisionWithoutHashes(t *testing.T) {
	bare := recorded("old", 1, func(r *appsv1.ControllerRevision) { r.Annotations = nil })
	got, err := historical(sidecarSet("s"), bare)
	if err != nil {
		t.Fatal(err)
	}
	full, blank, err := hashes(got.set)
	if err != nil || got.hash != full || got.hashWithoutImage != blank || len(full) != 64 {
		t.Errorf("hashes %s and %s, %v, want %s and %s", got.hash, got.hashWithoutImage, err, full, blank)
	}
}

// While the controller lags behind, the recorded revision is the one with the injected hash, or none (sidecarset spec 8.11).
func TestRevisionOfTheCurrentDefinition(t *testing.T) {
	lags := func(set *v1beta1.SidecarSet) { set.Generation, set.Status.ObservedGeneration = 2, 1 }
	hashed := func(r *appsv1.ControllerRevision) { r.Annotations[v1beta1.SidecarSetHashAnnotation] = "s-hash" }
	later := func(r *appsv1.ControllerRevision) { r.CreationTimestamp = metav1.NewTime(time.Unix(9, 0)) }
	for name, c := range map[string]struct {
		set       func(*v1beta1.SidecarSet)
		revisions []client.Object
		want      string
	}{
		"caught up":          {func(*v1beta1.SidecarSet) {}, nil, "latest"},
		"none yet":           {lags, []client.Object{recorded("old", 1)}, ""},
		"of a foreign owner": {lags, []client.Object{recorded("foreign", 1, hashed, foreign)}, ""},
		"the latest":         {lags, []client.Object{recorded("a", 2, hashed), recorded("b", 1, hashed, later)}, "a"},
		"the later of a tie": {lags, []client.Object{recorded("a", 1, hashed, later), recorded("b", 1, hashed)}, "a"},
		"by name of a tie":   {lags, []client.Object{recorded("a", 1, hashed), recorded("b", 1, hashed)}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			reader := clientWith(t, c.revisions...)
			got, err := choosing(t, &chooser{cached: reader, live: reader, namespace: managerNamespace}, c.set)
			if err != nil || got.revision != c.want {
				t.Errorf("got %q, %v, want %q", got.revision, err, c.want)
			}
		})
	}
}

// A SidecarSet that was stored while no webhook was served has no hashes. Its Pods have the right ones all the same: with empty ones they would never
// count as updated.
func TestSidecarSetWithoutHashes(t *testing.T) {
	set := sidecarSet("s")
	set.Annotations = nil
	full, withoutImage, err := hashes(set)
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&chooser{cached: clientWith(t), live: clientWith(t), namespace: managerNamespace}).choose(t.Context(), newMatcher(set), nil)
	if err != nil || got.hash != full || got.hashWithoutImage != withoutImage || full == "" {
		t.Errorf("injects %q and %q, %v, want %q and %q", got.hash, got.hashWithoutImage, err, full, withoutImage)
	}
}
