// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package conversion_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

// measured has spec.size in the hub, of which v1 has the number alone, in the unit that both have in spec.unit.
func measured() conversion.Kind {
	size, unit := conversion.Path{"spec", "size"}, conversion.Path{"spec", "unit"}
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: "example.com", Kind: "Thing"},
		Hub:       "v2",
		Spokes: []conversion.Spoke{{
			Version: "v1",
			Parts:   []conversion.Path{size},
			Context: []conversion.Path{unit},
			ToHub: func(object map[string]any) {
				value, _ := size.Get(object)
				u, _ := unit.Get(object)
				size.Set(object, value.(string)+u.(string))
			},
			FromHub: func(object map[string]any) {
				value, _ := size.Get(object)
				size.Set(object, value.(string)[:1])
			},
		}},
	}
}

// The context takes part in the judgement of what is lost, and what was kept does not outlive a change of it.
func TestContext(t *testing.T) {
	for _, c := range []struct{ hub, edit, want string }{
		{`{size: 5m, unit: m}`, `{size: "5", unit: m}`, `{size: 5m, unit: m}`},
		{`{size: 5km, unit: m}`, `{size: "5", unit: m}`, `{size: 5km, unit: m}`},
		{`{size: 5m, unit: m}`, `{size: "5", unit: k}`, `{size: 5k, unit: k}`},
		{`{size: 5km, unit: m}`, `{size: "6", unit: m}`, `{size: 6m, unit: m}`},
	} {
		hub := conversiontest.Tree(t, `{apiVersion: example.com/v2, kind: Thing, spec: `+c.hub+`}`)
		spoke := conversiontest.Convert(t, measured(), hub, "v1")
		_, kept := conversion.Path{"metadata", "annotations", conversion.OriginAnnotation}.Get(spoke)
		if lossy := c.hub == `{size: 5km, unit: m}`; kept != lossy {
			t.Errorf("%s: kept %v, want %v", c.hub, kept, lossy)
		}
		spoke["spec"] = conversiontest.Tree(t, c.edit)
		if diff := cmp.Diff(conversiontest.Tree(t, c.want), conversiontest.Convert(t, measured(), spoke, "v2")["spec"]); diff != "" {
			t.Errorf("%s as %s (-want +got):\n%s", c.hub, c.edit, diff)
		}
	}
}
