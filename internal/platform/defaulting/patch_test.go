// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package defaulting_test

import (
	"encoding/json"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/google/go-cmp/cmp"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"kruise.io/kruise/internal/platform/defaulting"
)

type thing struct {
	Size   int               `json:"size,omitempty"`
	Unit   string            `json:"unit,omitempty"`
	Inner  inner             `json:"inner"`
	Parts  []inner           `json:"parts,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Deep   *inner            `json:"deep,omitempty"`
}

type inner struct {
	Name string `json:"name,omitempty"`
	Mode *int   `json:"mode,omitempty"`
}

func TestPatch(t *testing.T) {
	mode := 7
	for _, c := range []struct {
		name, sent, want string
		set              func(*thing)
	}{
		{"nothing", `{"new":1}`, `{"new":1}`, func(*thing) {}},
		{"adds beside unknown fields", `{"new":1,"inner":{"newer":[2]}}`, `{"new":1,"inner":{"newer":[2],"name":"n"},"size":3}`,
			func(x *thing) { x.Size, x.Inner.Name = 3, "n" }},
		{"a struct that was not sent", `{}`, `{"inner":{"mode":7}}`, func(x *thing) { x.Inner.Mode = &mode }},
		{"null and empty count as unset", `{"size":0,"unit":"","deep":null,"inner":null}`, `{"size":3,"unit":"u","deep":{},"inner":{"name":"n"}}`,
			func(x *thing) { x.Size, x.Unit, x.Deep, x.Inner.Name = 3, "u", &inner{}, "n" }},
		{"inside of lists", `{"parts":[{"name":"a","new":1},null]}`, `{"parts":[{"name":"a","new":1,"mode":7},{"name":"b"}]}`,
			func(x *thing) { x.Parts[0].Mode, x.Parts[1].Name = &mode, "b" }},
		{"at the end of lists", `{"parts":[{"name":"a","new":1}]}`, `{"parts":[{"name":"a","new":1,"mode":7},{"name":"b"},{"name":"c"}]}`,
			func(x *thing) { x.Parts[0].Mode = &mode; x.Parts = append(x.Parts, inner{Name: "b"}, inner{Name: "c"}) }},
		{"between named elements", `{"parts":[{"name":"a","new":1},{"name":"b","new":2}]}`,
			`{"parts":[{"name":"x"},{"name":"a","new":1},{"name":"y"},{"name":"b","new":2,"mode":7},{"name":"z"}]}`,
			func(x *thing) {
				x.Parts[1].Mode = &mode
				x.Parts = []inner{{Name: "x"}, x.Parts[0], {Name: "y"}, x.Parts[1], {Name: "z"}}
			}},
		{"before elements without names", `{"parts":[{"mode":1}]}`, `{"parts":[{"name":"x"},{"mode":1}]}`,
			func(x *thing) { x.Parts = []inner{{Name: "x"}, x.Parts[0]} }},
		{"another order", `{"parts":[{"name":"a","mode":1},{"name":"b"}]}`, `{"parts":[{"name":"b"},{"name":"a","mode":1}]}`,
			func(x *thing) { x.Parts = []inner{x.Parts[1], x.Parts[0]} }},
		{"lists that get shorter", `{"parts":[{"name":"a"},{"name":"b"}]}`, `{"parts":[{"name":"b"}]}`,
			func(x *thing) { x.Parts = x.Parts[1:] }},
		{"what is taken away", `{"unit":"u","new":1,"parts":[{"name":"a","mode":1,"new":1}]}`, `{"new":1,"parts":[{"name":"a","new":1}]}`,
			func(x *thing) { x.Unit, x.Parts[0].Mode = "", nil }},
		{"lists that were empty", `{"parts":[]}`, `{"parts":[{"name":"b"}]}`, func(x *thing) { x.Parts = []inner{{Name: "b"}} }},
		{"rounded values", `{"labels":{"a/b~c":"1"}}`, `{"labels":{"a/b~c":"2"}}`, func(x *thing) { x.Labels["a/b~c"] = "2" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			sent, before, after := map[string]any{}, &thing{}, &thing{}
			for _, into := range []any{&sent, before, after} {
				if err := utiljson.Unmarshal([]byte(c.sent), into); err != nil {
					t.Fatal(err)
				}
			}
			c.set(after)
			operations, err := defaulting.Patch(sent, before, after)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(operations)
			if err != nil {
				t.Fatal(err)
			}
			patch, err := jsonpatch.DecodePatch(raw)
			if err != nil {
				t.Fatal(err)
			}
			got := []byte(c.sent)
			if len(patch) > 0 {
				if got, err = patch.Apply(got); err != nil {
					t.Fatal(err)
				}
			}
			var want, have any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(got, &have); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("patched by %s (-want +got):\n%s", raw, diff)
			}
		})
	}
}
