// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/utils/ptr"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/internal/pod/inplace"
)

// everything is DiffOptions with all gates on and a current server.
func everything() inplace.DiffOptions {
	return inplace.DiffOptions{EnvFromMetadata: true, VerticalScaling: true}
}

// What qualifies (in-place-update spec 3.2, 3.3); the change is compared as JSON.
func TestDiffInPlace(t *testing.T) {
	usesLabel := container("main", "web:1", envFrom("A", "metadata.labels['a']"), envFrom("B", "metadata.annotations['b']"))
	sidecarVersion := container("main", "web:1", envFrom("SIDECARSET_VERSION", "metadata.annotations['b']"), envFrom("SIDECARSET_VERSION_ALT", "metadata.annotations['b']"))
	for name, c := range map[string]struct {
		from, to *corev1.PodTemplateSpec
		options  func(*inplace.DiffOptions)
		want     string
		says     string
	}{
		"nothing": {from: template(), to: template(), want: `{}`, says: "nothing"},
		"missing lists equal empty ones": {
			from: template(), to: template(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes, t.Spec.NodeSelector = []corev1.Volume{}, map[string]string{}
			}), want: `{}`,
		},
		"images": {
			from: template(container("side", "s:1")), to: template(container("main", "web:2"), container("side", "s:2")),
			want: `{"Images":{"main":"web:2","side":"s:2"}}`, says: "image of container main, image of container side",
		},
		"labels and annotations added, changed, removed": {
			from: template(label("gone", "x"), note("n", "1")), to: template(label("new", "y"), note("n", "2")),
			want: `{"Metadata":{"metadata":{"labels":{"gone":null,"new":"y"},"annotations":{"n":"2"}}}}`, says: "labels and annotations",
		},
		"finalizers": {
			from: template(func(t *corev1.PodTemplateSpec) { t.Finalizers = []string{"f/a", "f/b"} }),
			to:   template(func(t *corev1.PodTemplateSpec) { t.Finalizers = []string{"f/b", "f/c"} }),
			want: `{"Metadata":{"metadata":{"finalizers":["f/c"],"$deleteFromPrimitiveList/finalizers":["f/a"]}}}`,
		},
		"metadata that env values come from": {
			from: template(usesLabel, label("a", "1"), note("b", "1")), to: template(usesLabel, label("a", "2"), label("c", "2"), note("b", "2")),
			want: `{"References":{"main":{"labels":{"a":"2"},"annotations":{"b":"2"}}},"Metadata":{"metadata":{"labels":{"c":"2"}}}}`,
			says: "env of container main that comes from labels and annotations, labels and annotations",
		},
		"the same, gate off": {
			from: template(usesLabel, label("a", "1")), to: template(usesLabel, label("a", "2")),
			options: func(o *inplace.DiffOptions) { o.EnvFromMetadata = false },
			want:    `{"Metadata":{"metadata":{"labels":{"a":"2"}}}}`,
		},
		"the first annotation of all": { // 8.10
			from: template(usesLabel), to: template(usesLabel, note("b", "1")),
			want: `{"References":{"main":{"annotations":{"b":"1"}}}}`,
		},
		"a referenced key removed": { // 8.10
			from: template(usesLabel, label("a", "1")), to: template(usesLabel),
			want: `{"References":{"main":{"labels":{"a":null}}}}`,
		},
		"a container may take one value twice, several containers the same": {
			from: template(usesLabel, container("side", "s:1", envFrom("X", "metadata.labels['a']"), envFrom("Y", "metadata.labels['a']"))),
			to:   template(usesLabel, container("side", "s:1", envFrom("X", "metadata.labels['a']"), envFrom("Y", "metadata.labels['a']")), label("a", "2")),
			want: `{"References":{"main":{"labels":{"a":"2"}},"side":{"labels":{"a":"2"}}}}`,
		},
		"values that SidecarSets count their versions in": {
			from: template(sidecarVersion, note("b", "1")), to: template(sidecarVersion, note("b", "2")), want: `{"Metadata":{"metadata":{"annotations":{"b":"2"}}}}`,
		},
		"other fields of the Pod in env": {
			from: template(container("main", "web:1", envFrom("A", "metadata.name"), envFrom("B", "metadata.labels"))),
			to:   template(container("main", "web:1", envFrom("A", "metadata.name"), envFrom("B", "metadata.labels")), label("a", "2")),
			want: `{"Metadata":{"metadata":{"labels":{"a":"2"}}}}`,
		},
		"init containers do not count": {
			from: template(initEnv), to: template(initEnv, label("a", "2")), want: `{"Metadata":{"metadata":{"labels":{"a":"2"}}}}`,
		},
		"resources": {
			from: template(container("main", "web:1", resources("cpu=2,memory=2Gi", "cpu=1,memory=1Gi"))),
			to:   template(container("main", "web:1", resources("cpu=3,memory=2Gi", "cpu=1,memory=1500Mi"))),
			want: `{"Resources":{"main":{"limits":{"cpu":"3"},"requests":{"memory":"1500Mi"}}}}`, says: "resources of container main",
		},
		"the same amount, written differently": {
			from: template(container("main", "web:1", resources("cpu=1", ""))), to: template(container("main", "web:1", resources("cpu=1000m", ""))), want: `{}`,
		},
		"limits that stand for the requests": { // 8.17
			from: template(container("main", "web:1", resources("cpu=1,memory=1Gi", ""))),
			to:   template(container("main", "web:1", resources("cpu=2,memory=1Gi", ""))),
			want: `{"Resources":{"main":{"limits":{"cpu":"2"},"requests":{"cpu":"2"}}}}`,
		},
		"requests written out that the limits stood for": {
			from: template(container("main", "web:1", resources("cpu=1", ""))), to: template(container("main", "web:1", resources("cpu=1", "cpu=1"))), want: `{}`,
		},
		"a limit added": { // 8.5
			from: template(container("main", "web:1", resources("", "cpu=1"))), to: template(container("main", "web:1", resources("cpu=2", "cpu=1"))),
			want: `{"Resources":{"main":{"limits":{"cpu":"2"}}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := everything()
			if c.options != nil {
				c.options(&o)
			}
			from, to := c.from.DeepCopy(), c.to.DeepCopy()
			change, refusal := inplace.Diff(from, to, o)
			if refusal != nil {
				t.Fatalf("refused: %v", refusal)
			}
			if diff := cmp.Diff(c.from, from) + cmp.Diff(c.to, to); diff != "" {
				t.Errorf("the templates were changed:\n%s", diff)
			}
			if diff := cmp.Diff(tree(t, c.want), tree(t, shown(t, change))); diff != "" {
				t.Errorf("change (-want +got):\n%s", diff)
			}
			if got := change.String(); c.says != "" && got != c.says {
				t.Errorf("says %q, want %q", got, c.says)
			}
			if got := change.Empty(); got != (c.want == "{}") {
				t.Errorf("Empty() = %v", got)
			}
		})
	}
}

func initEnv(t *corev1.PodTemplateSpec) {
	init := corev1.Container{Name: "init", Image: "i:1"}
	envFrom("A", "metadata.labels['a']")(&init)
	t.Spec.InitContainers = []corev1.Container{init}
}

// shown is the change as JSON, empty parts left out.
func shown(t *testing.T, change inplace.Change) string {
	t.Helper()
	data, err := json.Marshal(change)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// tree reads JSON, null and empty members left out at the top.
func tree(t *testing.T, text string) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatal(err)
	}
	for key, value := range members {
		if value == nil {
			delete(members, key)
		}
	}
	return members
}

// What does not qualify, and the first field that stands in the way.
func TestDiffRefusals(t *testing.T) {
	spec := func(change func(*corev1.PodSpec)) templateModifier {
		return func(t *corev1.PodTemplateSpec) { change(&t.Spec) }
	}
	withInit := spec(func(s *corev1.PodSpec) { s.InitContainers = []corev1.Container{{Name: "init", Image: "i:1"}} })
	for name, c := range map[string]struct {
		from, to *corev1.PodTemplateSpec
		options  func(*inplace.DiffOptions)
		path     string
		reason   string
	}{
		"env value":               {from: template(container("main", "web:1", env("A", "1"), env("B", "1"))), to: template(container("main", "web:1", env("A", "1"), env("B", "2"))), path: "spec.containers[0].env[1].value", reason: "was changed"},
		"env added":               {from: template(), to: template(container("main", "web:1", env("A", "1"))), path: "spec.containers[0].env[0]", reason: "was added"},
		"env removed":             {from: template(container("main", "web:1", env("A", "1"))), to: template(), path: "spec.containers[0].env[0]", reason: "was removed"},
		"env from somewhere else": {from: template(container("main", "web:1", envFrom("A", "metadata.name"))), to: template(container("main", "web:1", envFrom("A", "metadata.uid"))), path: "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath", reason: "was changed"},
		"container added":         {from: template(), to: template(container("side", "s:1")), path: "spec.containers[1]", reason: "was added"},
		"container removed":       {from: template(container("side", "s:1")), to: template(), path: "spec.containers[1]", reason: "was removed"},
		"containers swapped": {from: template(container("side", "s:1")), to: template(spec(func(s *corev1.PodSpec) {
			s.Containers = []corev1.Container{{Name: "side", Image: "s:1"}, {Name: "main", Image: "web:1"}}
		})), path: "spec.containers[0].name", reason: "was changed"},
		"init container image":       {from: template(withInit), to: template(withInit, spec(func(s *corev1.PodSpec) { s.InitContainers[0].Image = "i:2" })), path: "spec.initContainers[0].image", reason: "was changed"},
		"a pointer set":              {from: template(), to: template(spec(func(s *corev1.PodSpec) { s.TerminationGracePeriodSeconds = ptr.To[int64](5) })), path: "spec.terminationGracePeriodSeconds", reason: "was added"},
		"a pointer unset":            {from: template(spec(func(s *corev1.PodSpec) { s.TerminationGracePeriodSeconds = ptr.To[int64](5) })), to: template(), path: "spec.terminationGracePeriodSeconds", reason: "was removed"},
		"an inline field":            {from: template(probe(80)), to: template(probe(81)), path: "spec.containers[0].readinessProbe.httpGet.port", reason: "was changed"},
		"a map entry":                {from: template(), to: template(spec(func(s *corev1.PodSpec) { s.NodeSelector = map[string]string{"disk": "ssd"} })), path: "spec.nodeSelector[disk]", reason: "was added"},
		"a map entry, changed":       {from: template(spec(func(s *corev1.PodSpec) { s.NodeSelector = map[string]string{"disk": "hdd"} })), to: template(spec(func(s *corev1.PodSpec) { s.NodeSelector = map[string]string{"disk": "ssd"} })), path: "spec.nodeSelector[disk]", reason: "was changed"},
		"a readiness gate":           {from: template(), to: template(spec(func(s *corev1.PodSpec) { s.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "x"}} })), path: "spec.readinessGates[0]", reason: "was added"},
		"a volume":                   {from: template(), to: template(spec(func(s *corev1.PodSpec) { s.Volumes = []corev1.Volume{{Name: "v"}} })), path: "spec.volumes[0]", reason: "was added"},
		"Pod level resources":        {from: template(), to: template(spec(func(s *corev1.PodSpec) { s.Resources = new(requirements("cpu=1", "")) })), path: "spec.resources", reason: "was added"},
		"an image beside it":         {from: template(), to: template(container("main", "web:2", env("A", "1"))), path: "spec.containers[0].env[0]", reason: "was added"},
		"resources, gate off":        {from: template(container("main", "web:1", resources("cpu=1", "cpu=1"))), to: template(container("main", "web:1", resources("cpu=2", "cpu=1"))), options: func(o *inplace.DiffOptions) { o.VerticalScaling = false }, path: "spec.containers[0].resources.limits[cpu]", reason: "was changed"},
		"a request removed":          {from: template(container("main", "web:1", resources("", "cpu=1,memory=1Gi"))), to: template(container("main", "web:1", resources("", "cpu=1"))), path: "spec.containers[0].resources.requests[memory]", reason: "was removed"},
		"a limit added before 1.33":  {from: template(container("main", "web:1", resources("", "cpu=1"))), to: template(container("main", "web:1", resources("cpu=2", "cpu=1"))), options: func(o *inplace.DiffOptions) { o.ServerVersion = version.MustParseGeneric("1.32.9") }, path: "spec.containers[0].resources.limits[cpu]", reason: "before Kubernetes 1.33"},
		"other resources":            {from: template(container("main", "web:1", resources("ephemeral-storage=1Gi", ""))), to: template(container("main", "web:1", resources("ephemeral-storage=2Gi", ""))), path: "spec.containers[0].resources.limits[ephemeral-storage]", reason: "only cpu and memory"},
		"QoS class":                  {from: template(container("main", "web:1", resources("cpu=1,memory=1Gi", ""))), to: template(container("main", "web:1", resources("cpu=2,memory=1Gi", "cpu=1,memory=1Gi"))), path: "spec.containers[0].resources", reason: "from Guaranteed to Burstable"},
		"QoS class, first resources": {from: template(), to: template(container("main", "web:1", resources("", "cpu=1"))), path: "spec.containers[0].resources", reason: "from BestEffort to Burstable"},
		"resource claims":            {from: template(), to: template(container("main", "web:1", func(c *corev1.Container) { c.Resources.Claims = []corev1.ResourceClaim{{Name: "gpu"}} })), path: "spec.containers[0].resources.claims[0]", reason: "was added"},
	} {
		t.Run(name, func(t *testing.T) {
			o := everything()
			if c.options != nil {
				c.options(&o)
			}
			change, refusal := inplace.Diff(c.from, c.to, o)
			if refusal == nil {
				t.Fatalf("not refused: %s", change.String())
			}
			if refusal.Path != c.path || !strings.Contains(refusal.Reason, c.reason) {
				t.Errorf("refused: %v; want %s with %q", refusal, c.path, c.reason)
			}
			if refusal.Error() != refusal.Path+" "+refusal.Reason {
				t.Errorf("Error() = %q", refusal.Error())
			}
			if !change.Empty() {
				t.Errorf("a change with the refusal: %s", change.String())
			}
		})
	}
}

func probe(port int) templateModifier {
	return container("main", "web:1", func(c *corev1.Container) {
		c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt(port)}}}
	})
}

// The QoS class is that of all containers, init containers included.
func TestDiffQoSOfAllContainers(t *testing.T) {
	side := container("side", "s:1", resources("", "cpu=1"))
	from := template(container("main", "web:1", resources("cpu=1,memory=1Gi", "cpu=1,memory=1Gi")), side)
	to := template(container("main", "web:1", resources("cpu=2,memory=1Gi", "cpu=1,memory=1Gi")), side)
	if _, refusal := inplace.Diff(from, to, everything()); refusal != nil {
		t.Errorf("refused, though the Pod is Burstable before and after: %v", refusal)
	}
}

func TestSupportsResize(t *testing.T) {
	for text, want := range map[string]bool{"1.31.14": false, "1.32.0": true, "v1.32+vendor.3": true, "1.37.2": true, "2.0": true} {
		if got := inplace.SupportsResize(version.MustParseGeneric(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if !inplace.SupportsResize(nil) {
		t.Error("an unknown server counts as a current one")
	}
}

func BenchmarkDiff(b *testing.B) {
	from := template()
	for i := range 10 {
		container(fmt.Sprint("c", i), "web:1", env("A", "1"), env("B", "2"), envFrom("C", "metadata.labels['a']"), resources("cpu=1", "cpu=1"))(from)
	}
	to := from.DeepCopy()
	to.Spec.Containers[5].Image = "web:2"
	for b.Loop() {
		_, _ = inplace.Diff(from, to, everything())
	}
}
