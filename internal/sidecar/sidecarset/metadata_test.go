// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
)

func TestPatchAnnotations(t *testing.T) {
	const (
		retain    = v1beta1.SidecarSetRetainPatchPolicy
		overwrite = v1beta1.SidecarSetOverwritePatchPolicy
		mergeJSON = v1beta1.SidecarSetMergePatchJSONPatchPolicy
	)
	type text = map[string]string
	for name, c := range map[string]struct {
		pod     text
		policy  v1beta1.SidecarSetPatchPolicyType
		patch   text
		want    text
		refused bool
	}{
		"retain sets what is missing":            {policy: retain, patch: text{"a": "1"}, want: text{"a": "1"}},
		"retain keeps what is there":             {pod: text{"a": "0"}, policy: retain, patch: text{"a": "1"}, want: text{"a": "0"}},
		"retain keeps what is there and empty":   {pod: text{"a": ""}, policy: retain, patch: text{"a": "1"}, want: text{"a": ""}},
		"an unknown policy retains":              {pod: text{"a": "0"}, policy: "", patch: text{"a": "1"}, want: text{"a": "0"}},
		"overwrite sets":                         {pod: text{"a": "0", "b": "0"}, policy: overwrite, patch: text{"a": "1", "c": "1"}, want: text{"a": "1", "b": "0", "c": "1"}},
		"merge sets what is missing as it is":    {policy: mergeJSON, patch: text{"a": "not JSON"}, want: text{"a": "not JSON"}},
		"merge sets what is empty as it is":      {pod: text{"a": ""}, policy: mergeJSON, patch: text{"a": "{ }"}, want: text{"a": "{ }"}},
		"merge sorts, replaces, adds and drops":  {pod: text{"a": `{"z":1, "gone":2,"in":{"x":1,"y":2},"l":[1]}`}, policy: mergeJSON, patch: text{"a": `{"gone":null,"in":{"x":null,"b":{"n":null}},"l":[2,null],"a":"<&>"}`}, want: text{"a": `{"a":"<&>","in":{"b":{},"y":2},"l":[2,null],"z":1}`}},
		"merge keeps numbers":                    {pod: text{"a": `{"n":12345678901234567890,"f":1.50}`}, policy: mergeJSON, patch: text{"a": `{}`}, want: text{"a": `{"f":1.50,"n":12345678901234567890}`}},
		"merge of what is no object replaces":    {pod: text{"a": `{"n":1}`}, policy: mergeJSON, patch: text{"a": `[1]`}, want: text{"a": `[1]`}},
		"merge into what is no object replaces":  {pod: text{"a": `[1]`}, policy: mergeJSON, patch: text{"a": `{"n":null,"m":1}`}, want: text{"a": `{"m":1}`}},
		"merge refuses a Pod's value":            {pod: text{"a": `x`}, policy: mergeJSON, patch: text{"a": `{}`}, refused: true},
		"merge refuses a SidecarSet's value":     {pod: text{"a": `{}`}, policy: mergeJSON, patch: text{"a": `{`}, refused: true},
		"merge refuses more than one JSON value": {pod: text{"a": `{} {}`}, policy: mergeJSON, patch: text{"a": `{}`}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			before := maps.Clone(c.pod)
			got, err := patchAnnotations(c.pod, []v1beta1.SidecarSetPatchPodMetadata{{Annotations: c.patch, PatchPolicy: c.policy}})
			if (err != nil) != c.refused {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(c.want, got); err == nil && diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(c.pod) > 0 && !cmp.Equal(before, c.pod) {
				t.Error("the Pod's own map was changed")
			}
		})
	}
}

func TestPatchesApplyInOrder(t *testing.T) {
	got, err := patchAnnotations(nil, []v1beta1.SidecarSetPatchPodMetadata{
		{Annotations: map[string]string{"a": `{"x":1}`}, PatchPolicy: v1beta1.SidecarSetRetainPatchPolicy},
		{Annotations: map[string]string{"a": `{"y":2}`}, PatchPolicy: v1beta1.SidecarSetMergePatchJSONPatchPolicy},
	})
	if err != nil || got["a"] != `{"x":1,"y":2}` {
		t.Errorf("got %v, %v", got, err)
	}
}
