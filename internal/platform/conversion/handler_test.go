// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package conversion_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/internal/platform/conversion"
)

// thing has spec.size in the hub and spec.length, which has no unit, in v1.
func thing() conversion.Kind {
	size, length := conversion.Path{"spec", "size"}, conversion.Path{"spec", "length"}
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: "example.com", Kind: "Thing"},
		Hub:       "v2",
		Spokes: []conversion.Spoke{{
			Version: "v1",
			Parts:   []conversion.Path{size, length},
			ToHub: func(object map[string]any) {
				if value, found := length.Get(object); found {
					size.Set(object, value.(string)+"m")
				}
				length.Remove(object)
			},
			FromHub: func(object map[string]any) {
				if value, found := size.Get(object); found {
					length.Set(object, strings.TrimRight(value.(string), "km"))
				}
				size.Remove(object)
			},
		}},
	}
}

func post(t *testing.T, body string) (int, *apiextensionsv1.ConversionReview) {
	t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/convert", strings.NewReader(body))
	conversion.NewRegistry(thing()).ServeHTTP(recorder, request)
	review := &apiextensionsv1.ConversionReview{}
	if recorder.Code == http.StatusOK {
		if err := json.Unmarshal(recorder.Body.Bytes(), review); err != nil {
			t.Fatal(err)
		}
	}
	return recorder.Code, review
}

func TestReview(t *testing.T) {
	for _, apiVersion := range []string{"apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"} {
		_, review := post(t, `{"apiVersion":"`+apiVersion+`","kind":"ConversionReview","request":{"uid":"u","desiredAPIVersion":"example.com/v1","objects":[
			{"apiVersion":"example.com/v2","kind":"Thing","metadata":{"name":"a"},"spec":{"size":"5m"}},
			{"apiVersion":"example.com/v2","kind":"Thing","metadata":{"name":"b"},"spec":{"size":"5km"}},
			{"apiVersion":"example.com/v1","kind":"Thing","spec":{"length":"7"}}]}}`)
		if review.APIVersion != apiVersion || review.Response.UID != "u" || review.Response.Result.Status != "Success" {
			t.Fatalf("answer to %s: %+v %+v", apiVersion, review.TypeMeta, review.Response)
		}
		want := []string{
			`{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"a"},"spec":{"length":"5"}}`,
			`{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"annotations":{"kruise.io/converted-from":` +
				`"{\"version\":\"v2\",\"parts\":{\"/spec/size\":\"5km\"}}"},"name":"b"},"spec":{"length":"5"}}`,
			`{"apiVersion":"example.com/v1","kind":"Thing","spec":{"length":"7"}}`,
		}
		var got []string
		for _, object := range review.Response.ConvertedObjects {
			got = append(got, string(object.Raw))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("converted (-want +got):\n%s", diff)
		}
	}
}

func TestReviewFailures(t *testing.T) {
	for body, want := range map[string]string{
		`{"request":{"desiredAPIVersion":"example.com/v1","objects":[{"apiVersion":"example.com/v2","kind":"Other"}]}}`: `kind "Other"`,
		`{"request":{"desiredAPIVersion":"example.com/v9","objects":[{"apiVersion":"example.com/v2","kind":"Thing"}]}}`: `no version "v9"`,
		`{"request":{"desiredAPIVersion":"a/b/c","objects":[]}}`:                                                        `desiredAPIVersion "a/b/c"`,
		`{"request":{"desiredAPIVersion":"example.com/v1","objects":[[]]}}`:                                             `objects[0]: decode`,
	} {
		code, review := post(t, body)
		if code != http.StatusOK || review.Response.Result.Status != "Failure" || !strings.Contains(review.Response.Result.Message, want) {
			t.Errorf("%s: %d %+v, want a failure with %q", body, code, review.Response, want)
		}
	}
	for _, body := range []string{`{`, `{}`} {
		if code, _ := post(t, body); code != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400", body, code)
		}
	}
}

// What was kept is used for as long as the object still says the same, and dropped after.
func TestOriginOutlivesOnlyEqualContent(t *testing.T) {
	object := map[string]any{"apiVersion": "example.com/v2", "kind": "Thing", "spec": map[string]any{"size": "5km"}}
	for _, c := range []struct{ length, size string }{{"5", "5km"}, {"6", "6m"}} {
		if err := thing().Convert(object, "v1"); err != nil {
			t.Fatal(err)
		}
		conversion.Path{"spec", "length"}.Set(object, c.length)
		if err := thing().Convert(object, "v2"); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"apiVersion": "example.com/v2", "kind": "Thing", "metadata": map[string]any{}, "spec": map[string]any{"size": c.size}}
		if diff := cmp.Diff(want, object); diff != "" {
			t.Errorf("length %s (-want +got):\n%s", c.length, diff)
		}
	}
}
