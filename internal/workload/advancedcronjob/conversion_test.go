// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package advancedcronjob

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

// A CronJob of images as v1beta1 says it, and as v1alpha1 reads it.
const (
	images        = `{metadata: {name: a}, spec: {schedule: "@daily", template: {imageListPullJobTemplate: {spec: {images: [b, a], completionPolicy: {}}}}}, status: {type: ImageListPullJob}}`
	imagesInAlpha = `{metadata: {name: a, annotations: {kruise.io/converted-from: '{"version":"v1beta1","parts":{"/spec/template":{"imageListPullJobTemplate":` +
		`{"spec":{"completionPolicy":{},"images":["b","a"]}}}}}'}}, spec: {schedule: "@daily", template: {}}, status: {type: ImageListPullJob}}`
)

// The rows of jobs spec B6.
func TestConversionTable(t *testing.T) {
	conversiontest.Table(t, Conversion(), map[string]conversiontest.Row{
		"jobs are the same": {
			Spoke: `{spec: {schedule: "@daily", paused: false, template: {jobTemplate: {metadata: {labels: {a: b}}, spec: {template: {spec: {newField: [1]}}}}}}}`,
			Hub:   `{spec: {schedule: "@daily", paused: false, template: {jobTemplate: {metadata: {labels: {a: b}}, spec: {template: {spec: {newField: [1]}}}}}}}`,
		},
		"broadcast jobs are the same": {
			Spoke: `{spec: {template: {broadcastJobTemplate: {metadata: {annotations: {a: b}}, spec: {parallelism: 10%, completionPolicy: {}}}}}, status: {active: []}}`,
			Hub:   `{spec: {template: {broadcastJobTemplate: {metadata: {annotations: {a: b}}, spec: {parallelism: 10%, completionPolicy: {}}}}}, status: {active: []}}`,
		},
		"image list pull jobs are kept aside": {Spoke: imagesInAlpha, Hub: images},
		"the field means nothing in v1alpha1": {
			Spoke: `{metadata: {name: a}, spec: {template: {imageListPullJobTemplate: {spec: {}}}}}`,
			Hub: `{metadata: {name: a, annotations: {kruise.io/converted-from: '{"version":"v1alpha1","parts":{"/spec/template":{"imageListPullJobTemplate":{"spec":{}}}}}'}},
				spec: {template: {}}}`,
		},
	})
}

// What a client of v1alpha1 writes back leaves a template that it cannot see alone, until it puts another one there.
func TestConversionAfterEdit(t *testing.T) {
	read := func() map[string]any {
		object := conversiontest.Tree(t, imagesInAlpha)
		object["apiVersion"], object["kind"] = "apps.kruise.io/v1alpha1", "AdvancedCronJob"
		return object
	}
	for name, c := range map[string]struct {
		edit func(spec map[string]any)
		want string
	}{
		"of the schedule": {
			edit: func(spec map[string]any) { spec["schedule"] = "@hourly" },
			want: `{imageListPullJobTemplate: {spec: {images: [b, a], completionPolicy: {}}}}`,
		},
		"that drops the empty template": {
			edit: func(spec map[string]any) { delete(spec, "template") },
			want: `{imageListPullJobTemplate: {spec: {images: [b, a], completionPolicy: {}}}}`,
		},
		"to another template": {
			edit: func(spec map[string]any) { spec["template"] = map[string]any{"jobTemplate": map[string]any{}} },
			want: `{jobTemplate: {}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			object := read()
			c.edit(object["spec"].(map[string]any))
			got, _ := template().Get(conversiontest.Convert(t, Conversion(), object, "v1beta1"))
			if diff := cmp.Diff(any(conversiontest.Tree(t, c.want)), got); diff != "" {
				t.Errorf("template (-want +got):\n%s", diff)
			}
		})
	}
}

// A live object of OpenKruise converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	conversiontest.Peer(t, Conversion())
}

// Objects of any content come back equal to readers of the types, in both directions.
func TestConversionRoundTrip(t *testing.T) {
	conversiontest.RoundTrip(t, Conversion(), &v1beta1.AdvancedCronJob{}, &v1alpha1.AdvancedCronJob{},
		func(v *metav1.ObjectMeta, _ randfill.Continue) { *v = metav1.ObjectMeta{Name: "nightly"} },
		func(v *intstr.IntOrString, c randfill.Continue) {
			*v = intstr.FromInt32(c.Int31n(5) - 1)
			if c.Bool() {
				*v = intstr.FromString("20%")
			}
		},
		// Templates of Pods are not looked at: names will do.
		func(v *batchv1.JobTemplateSpec, c randfill.Continue) { v.Name = c.String(5) },
		func(v *corev1.PodTemplateSpec, c randfill.Continue) { v.Name = c.String(5) },
		func(v *metav1.Time, _ randfill.Continue) {},
	)
}

func FuzzAdvancedCronJobConversion(f *testing.F) {
	conversiontest.Fuzz(f, Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"), images, imagesInAlpha,
		`{"spec":{"template":[]}}`, `{"spec":{"template":{"imageListPullJobTemplate":null}}}`, `{"spec":{"template":{"imageListPullJobTemplate":{},"jobTemplate":{}}}}`)
}
