// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/internal/platform/certs"
)

const request = `{"apiVersion":"admission.k8s.io/%s","kind":"AdmissionReview","request":{"uid":"u","namespace":"ns","name":"a",` +
	`"operation":"CREATE","resource":{"group":"apps.kruise.io","version":"v1beta1","resource":"clonesets"}}}`

func serve(t *testing.T, s *Server, path, body string) (int, *admissionv1.AdmissionReview) {
	t.Helper()
	recorder := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	s.mux.ServeHTTP(recorder, r)
	review := &admissionv1.AdmissionReview{}
	if recorder.Code == http.StatusOK && recorder.Body.Len() > 0 {
		if err := json.Unmarshal(recorder.Body.Bytes(), review); err != nil {
			t.Fatalf("%s: %v", recorder.Body, err)
		}
	}
	return recorder.Code, review
}

func newServer() *Server { return NewServer(0, &certs.Serving{}, prometheus.NewRegistry()) }

func handling(handler admission.HandlerFunc) *Server {
	s := newServer()
	r := registration("mcloneset.kb.io", func(r *Registration) {
		r.Path, r.Aliases, r.Handler = "/mutate-apps-kruise-io-cloneset", []string{"/mutate-apps-kruise-io-v1alpha1-cloneset"}, handler
	})
	if err := s.Admit(r); err != nil {
		panic(err)
	}
	return s
}

func deny(context.Context, admission.Request) admission.Response { return admission.Denied("no") }

func TestPaths(t *testing.T) {
	s := handling(deny)
	tests := map[string]struct {
		path    string
		code    int
		allowed bool
	}{
		"served":             {"/mutate-apps-kruise-io-cloneset", 200, false},
		"alias":              {"/mutate-apps-kruise-io-v1alpha1-cloneset", 200, false},
		"known but unserved": {"/mutate-apps-kruise-io-sidecarset", 200, true},
		"alias of unserved":  {"/validate-apps-kruise-io-v1alpha1-workloadspread", 200, true},
		"Pods":               {"/validate-pod", 200, true},
		"unknown":            {"/mutate-something", 404, false},
		"health":             {"/healthz/x", 404, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, version := range []string{"v1", "v1beta1"} {
				code, review := serve(t, s, test.path, fmt.Sprintf(request, version))
				if code != test.code {
					t.Fatalf("%s answers %d, want %d", test.path, code, test.code)
				}
				if code != http.StatusOK {
					continue
				}
				if review.Response.Allowed != test.allowed || review.Response.UID != "u" {
					t.Errorf("%s allows: %t, want %t (uid %s)", test.path, review.Response.Allowed, test.allowed, review.Response.UID)
				}
				if want := "admission.k8s.io/" + version; review.APIVersion != want {
					t.Errorf("answer in %s, want %s", review.APIVersion, want)
				}
			}
		})
	}
	health := httptest.NewRecorder()
	s.mux.ServeHTTP(health, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if health.Code != http.StatusOK || health.Body.Len() != 0 {
		t.Errorf("/healthz answers %d with %d bytes", health.Code, health.Body.Len())
	}
}

func TestUndecodableRequest(t *testing.T) {
	_, review := serve(t, handling(deny), "/mutate-apps-kruise-io-cloneset", "{")
	if review.Response.Allowed || review.Response.Result.Code != http.StatusBadRequest {
		t.Errorf("answer %v, want code 400", review.Response)
	}
}

func TestPanicNamesTheObject(t *testing.T) {
	s := handling(func(context.Context, admission.Request) admission.Response { panic("broken") })
	_, review := serve(t, s, "/mutate-apps-kruise-io-cloneset", fmt.Sprintf(request, "v1"))
	result := review.Response.Result
	if review.Response.Allowed || result.Code != http.StatusInternalServerError || review.Response.UID != "u" {
		t.Errorf("answer %v", review.Response)
	}
	for _, word := range []string{"CREATE", "clonesets.apps.kruise.io", "ns/a", "broken"} {
		if !strings.Contains(result.Message, word) {
			t.Errorf("message %q does not name %s", result.Message, word)
		}
	}
}

func TestDecisionsAreCounted(t *testing.T) {
	for want, response := range map[string]admission.Response{
		"allowed": admission.Allowed(""),
		"changed": admission.Patched("", jsonpatch.NewOperation("add", "/metadata/labels", map[string]any{})),
		"denied":  admission.Denied("no"),
		"failed":  admission.Errored(http.StatusInternalServerError, errors.New("broken")),
	} {
		s := handling(func(context.Context, admission.Request) admission.Response { return response })
		serve(t, s, "/mutate-apps-kruise-io-cloneset", fmt.Sprintf(request, "v1"))
		if got := testutil.ToFloat64(s.decisions.WithLabelValues("/mutate-apps-kruise-io-cloneset", want)); got != 1 {
			t.Errorf("%v of %s are counted", got, want)
		}
	}
}

// A handler's context ends a little before the API server gives up, so that the user learns why.
func TestDeadline(t *testing.T) {
	for query, want := range map[string]time.Duration{
		"":             10 * time.Second,
		"?timeout=4s":  4 * time.Second,
		"?timeout=5m":  30 * time.Second,
		"?timeout=-1s": 10 * time.Second,
		"?timeout=x":   10 * time.Second,
	} {
		var left time.Duration
		s := handling(func(ctx context.Context, _ admission.Request) admission.Response {
			end, _ := ctx.Deadline()
			left = time.Until(end)
			return admission.Allowed("")
		})
		serve(t, s, "/mutate-apps-kruise-io-cloneset"+query, fmt.Sprintf(request, "v1"))
		if left > want-answerReserve || left < want-2*time.Second {
			t.Errorf("timeout %q leaves %s, want a little less than %s", query, left, want)
		}
	}
}

func TestRefusalAfterTheDeadlineSaysSo(t *testing.T) {
	s := handling(func(ctx context.Context, _ admission.Request) admission.Response {
		<-ctx.Done()
		return admission.Errored(http.StatusInternalServerError, ctx.Err())
	})
	_, review := serve(t, s, "/mutate-apps-kruise-io-cloneset?timeout=10ms", fmt.Sprintf(request, "v1"))
	if review.Response.Allowed || !strings.Contains(review.Response.Result.Message, "took too long") {
		t.Errorf("answer %v", review.Response)
	}
}

func TestAdmitRefusesWhatCannotBeServed(t *testing.T) {
	first := registration("a", func(r *Registration) { r.Handler = admission.HandlerFunc(deny) })
	second := registration("b", func(r *Registration) { r.Path, r.Handler = first.Path, first.Handler })
	if err := newServer().Admit(first, second); err == nil {
		t.Error("two handlers at one path are accepted")
	}
	second.Handler = nil
	if err := newServer().Admit(first, second); err != nil {
		t.Errorf("two entries with one handler: %v", err)
	}
	second.Path = "/b"
	if err := newServer().Admit(first, second); err == nil {
		t.Error("an entry that nothing handles is accepted")
	}
}

func TestCheckBeforeTheFirstCertificate(t *testing.T) {
	if err := newServer().Check(t.Context()); err == nil {
		t.Error("a server without a certificate passes the check")
	}
}

func TestContractOfNames(t *testing.T) {
	// 2 configurations, manager specification 7.1 and 7.2, with the former names of the image pull entries.
	if got := len(knownEntries(Mutating)) + len(knownEntries(Validating)); got != 12+2+25+2 {
		t.Errorf("%d known entries", got)
	}
	for _, path := range []string{
		"/mutate-apps-kruise-io-containerrecreaterequest", "/mutate-apps-kruise-io-v1alpha1-containerrecreaterequest", "/mutate-apps-kruise-io-statefulset",
		"/validate-apps-kruise-io-v1alpha1-ephemeraljob", "/validate-apps-kruise-io-v1alpha1-resourcedistribution", "/validate-ingress",
	} {
		if !knownPaths().Has(path) {
			t.Errorf("path %s is not known", path)
		}
	}
	for _, path := range []string{"/validate-apps-kruise-io-containerrecreaterequest", "/mutate-apps-kruise-io-v1alpha1-statefulset"} {
		if knownPaths().Has(path) {
			t.Errorf("path %s never existed", path)
		}
	}
}
