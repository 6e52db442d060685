// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package advancedcronjob is the kind AdvancedCronJob.
package advancedcronjob

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Conversion knows how v1alpha1 and v1beta1 of AdvancedCronJob convert into each other (jobs spec B6). v1alpha1 cannot say
// imageListPullJobTemplate: it shows no template then, and the real one comes back unless another is put there.
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "AdvancedCronJob"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts:   []conversion.Path{template()},
			ToHub:   withoutImageListPullJob,
			FromHub: withoutImageListPullJob,
		}},
	}
}

func template() conversion.Path { return conversion.Path{"spec", "template"} }

// withoutImageListPullJob takes out the template that v1alpha1 does not have; what is there all the same is no field of it.
func withoutImageListPullJob(object map[string]any) {
	found, _ := template().Get(object)
	if m, ok := found.(map[string]any); ok {
		delete(m, "imageListPullJobTemplate")
	}
}
