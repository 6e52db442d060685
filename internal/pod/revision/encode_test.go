// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// vector is the data of the in-place-update spec, 3.17.
const vector = `{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"app":"web"}},` +
	`"spec":{"containers":[{"image":"nginx:1.25","name":"main","resources":{}}]}}}}`

// newTemplate is the template of the vector, changed.
func newTemplate(modify ...func(*corev1.PodTemplateSpec)) *corev1.PodTemplateSpec {
	t := &corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "nginx:1.25"}}},
	}
	for _, m := range modify {
		m(t)
	}
	return t
}

func image(image string) func(*corev1.PodTemplateSpec) {
	return func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = image }
}

func TestEncode(t *testing.T) {
	tests := []struct {
		name     string
		template *corev1.PodTemplateSpec
		want     string
	}{
		{"vector of the spec", newTemplate(), vector},
		{"empty template", &corev1.PodTemplateSpec{},
			`{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null},"spec":{"containers":null}}}}`},
		{"init and ephemeral containers have resources too", &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "i"}},
			EphemeralContainers: []corev1.EphemeralContainer{
				{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "e"}},
			},
		}}, `{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null},"spec":{"containers":null,` +
			`"ephemeralContainers":[{"name":"e","resources":{}}],"initContainers":[{"name":"i","resources":{}}]}}}}`},
		{"claims of ephemeral volumes have a timestamp and resources", &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{
				VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{},
			}}}},
		}}, `{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null},"spec":{"containers":null,` +
			`"volumes":[{"ephemeral":{"volumeClaimTemplate":{"metadata":{"creationTimestamp":null},"spec":{"resources":{}}}},"name":"v"}]}}}}`},
		{"integers stay exact and markup is escaped as Go does", newTemplate(func(t *corev1.PodTemplateSpec) {
			seconds := int64(9007199254740993)
			t.Spec.ActiveDeadlineSeconds = &seconds
			t.Labels["app"] = "<&>"
		}), `{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"app":"\u003c\u0026\u003e"}},` +
			`"spec":{"activeDeadlineSeconds":9007199254740993,"containers":[{"image":"nginx:1.25","name":"main","resources":{}}]}}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := Encode(tt.template)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(data)); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHash(t *testing.T) {
	if got := Hash([]byte(vector), 0); got != "5fcb4ccfb4" {
		t.Errorf("Hash = %s, want 5fcb4ccfb4", got)
	}
	if Hash([]byte(vector), 1) == Hash([]byte(vector), 0) {
		t.Error("the collision count does not change the hash")
	}
}

func TestHashClaimTemplates(t *testing.T) {
	claim := func(name, size string) corev1.PersistentVolumeClaim {
		return corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse(size)}},
			},
		}
	}
	data := claim("data", "1Gi")
	if got := HashClaimTemplates([]corev1.PersistentVolumeClaim{data}); got != "3636919212" {
		t.Errorf("vector of the spec: %s, want 3636919212", got)
	}
	if got := HashClaimTemplates(nil); got != "" {
		t.Errorf("without claim templates: %q", got)
	}
	dressed := data
	dressed.Labels, dressed.Status.Phase = map[string]string{"a": "b"}, corev1.ClaimPending
	if got := HashClaimTemplates([]corev1.PersistentVolumeClaim{dressed}); got != "3636919212" {
		t.Errorf("labels and status changed it: %s", got)
	}
	logs := claim("logs", "2Gi")
	claims := []corev1.PersistentVolumeClaim{logs, data}
	if HashClaimTemplates(claims) != HashClaimTemplates([]corev1.PersistentVolumeClaim{data, logs}) {
		t.Error("the order of the claim templates changes the hash")
	}
	if claims[0].Name != "logs" {
		t.Error("the given slice was sorted")
	}
}

func TestDeepHash(t *testing.T) {
	for data, want := range map[string]uint32{`{"image":"nginx:1.25","name":"main"}`: 436018172, "null": 86995377} {
		if got := DeepHash([]byte(data)); got != want {
			t.Errorf("DeepHash(%s) = %d, want %d", data, got, want)
		}
	}
}

func TestClaimTemplatesDiffer(t *testing.T) {
	revision := func(annotations map[string]string) *Revision {
		return newRevision(controllerRevision("web-1", 1, nil, func(r *appsv1.ControllerRevision) { r.Annotations = annotations }))
	}
	hash := func(value string) map[string]string {
		return map[string]string{v1beta1.CloneSetClaimTemplateHashAnnotation: value}
	}
	for _, tt := range []struct {
		a, b map[string]string
		want bool
	}{
		{hash("1"), hash("2"), true}, {hash("1"), hash(""), true}, {hash("1"), hash("1"), false},
		{hash("1"), nil, false}, {nil, hash("1"), false}, {nil, nil, false},
	} {
		if got := ClaimTemplatesDiffer(revision(tt.a), revision(tt.b)); got != tt.want {
			t.Errorf("%v and %v differ: %t", tt.a, tt.b, got)
		}
	}
}

// A claim template without resources, of which the library must print the empty struct.
func TestHashedClaimBytes(t *testing.T) {
	var claim hashedClaim
	claim.Metadata.Name = "data"
	data, err := json.Marshal(claim)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"metadata":{"name":"data","creationTimestamp":null},"spec":{"resources":{}},"status":{}}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("bytes (-want +got):\n%s", diff)
	}
}

func TestRevisionStrings(t *testing.T) {
	for s, want := range map[string]string{"web-5fcb4ccfb4": "5fcb4ccfb4", "5fcb4ccfb4": "5fcb4ccfb4", "a-b-c": "c", "": "", "web-": ""} {
		if got := ShortHash(s); got != want {
			t.Errorf("ShortHash(%q) = %q, want %q", s, got, want)
		}
	}
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"web-1a", "web-1a", true}, {"web-1a", "1a", true}, {"1a", "web-1a", true}, {"web-1a", "web-1b", false}, {"", "web-1a", false},
	} {
		if got := Equal(tt.a, tt.b); got != tt.want {
			t.Errorf("Equal(%q, %q) = %t", tt.a, tt.b, got)
		}
	}
}

func TestDecodeRefusesWhatIsNoTemplate(t *testing.T) {
	for _, data := range []string{"", "null", "{}", `{"spec":{}}`, `{"spec":{"template":null}}`, `{"spec":{"template":"x"}}`, "[", strings.Repeat("[", 20000)} {
		if _, err := decode([]byte(data)); err == nil {
			t.Errorf("decode(%.20q) gives no error", data)
		}
	}
}
