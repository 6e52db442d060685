// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"fmt"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

// What the webhook does for a LIST in the older version; the time and memory for one object do not grow with their number.
func BenchmarkConversionOfAList(b *testing.B) {
	raw, err := yaml.YAMLToJSON([]byte(conversiontest.Read(b, "peer-v1beta1.yaml")))
	if err != nil {
		b.Fatal(err)
	}
	registry := conversion.NewRegistry(Conversion())
	for _, objects := range []int{100, 1000, 5000} {
		request := &apiextensionsv1.ConversionRequest{DesiredAPIVersion: "apps.kruise.io/v1alpha1"}
		for range objects {
			request.Objects = append(request.Objects, runtime.RawExtension{Raw: raw})
		}
		b.Run(fmt.Sprint(objects), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := registry.Review(request); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(objects), "ns/object")
			b.ReportMetric(float64(len(raw)), "bytes/object")
		})
	}
}
