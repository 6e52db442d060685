// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
)

// reviewFixture is a reviewer over an API server of the test, in front of a page.
type reviewFixture struct {
	handler http.Handler
	clock   *clocktesting.FakeClock
	// allowed and fails are what the API server answers; reviews is how often it was asked, asked the last question about access.
	allowed bool
	fails   error
	reviews int
	asked   authorizationv1.SubjectAccessReviewSpec
}

func newReviewFixture() *reviewFixture {
	f := &reviewFixture{clock: clocktesting.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), allowed: true}
	clients := fake.NewClientset()
	clients.PrependReactor("create", "tokenreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenReview).DeepCopy()
		f.reviews++
		if review.Status.Authenticated = review.Spec.Token == "good"; review.Status.Authenticated {
			review.Status.User = authenticationv1.UserInfo{
				Username: "prometheus", UID: "1", Groups: []string{"monitors"}, Extra: map[string]authenticationv1.ExtraValue{"pod": {"a"}},
			}
		}
		return true, review, f.fails
	})
	clients.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview).DeepCopy()
		f.asked, review.Status.Allowed = review.Spec, f.allowed
		return true, review, nil
	})
	r := &reviewer{
		tokens: clients.AuthenticationV1().TokenReviews(), access: clients.AuthorizationV1().SubjectAccessReviews(),
		answers: cache.NewLRUExpireCacheWithClock(reviewedTokens, f.clock), log: logr.Discard(),
	}
	f.handler = r.protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	return f
}

func (f *reviewFixture) status(t *testing.T, authorization string) int {
	t.Helper()
	request, answer := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil), httptest.NewRecorder()
	request.Header.Set("Authorization", authorization)
	f.handler.ServeHTTP(answer, request)
	if asks := answer.Header().Get("WWW-Authenticate") == "Bearer"; asks != (answer.Code == http.StatusUnauthorized) {
		t.Errorf("answer %d asks for a token: %t", answer.Code, asks)
	}
	return answer.Code
}

func TestMetricsAreForThoseWhoMayGetThem(t *testing.T) {
	for name, test := range map[string]struct {
		authorization string
		denied        bool
		fails         error
		want          int
	}{
		"may":             {authorization: "Bearer good", want: http.StatusOK},
		"other case":      {authorization: "bearer  good", want: http.StatusOK},
		"may not":         {authorization: "Bearer good", denied: true, want: http.StatusForbidden},
		"unknown":         {authorization: "Bearer bad", want: http.StatusUnauthorized},
		"no token":        {authorization: "Bearer ", want: http.StatusUnauthorized},
		"nothing":         {want: http.StatusUnauthorized},
		"a password":      {authorization: "Basic good", want: http.StatusUnauthorized},
		"cannot be asked": {authorization: "Bearer good", fails: errors.New("down"), want: http.StatusInternalServerError},
	} {
		f := newReviewFixture()
		f.allowed, f.fails = !test.denied, test.fails
		if got := f.status(t, test.authorization); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// The API server decides on everything that it said about the user.
func TestAccessToMetricsIsAskedForTheUser(t *testing.T) {
	f := newReviewFixture()
	f.status(t, "Bearer good")
	want := authorizationv1.SubjectAccessReviewSpec{
		User: "prometheus", UID: "1", Groups: []string{"monitors"}, Extra: map[string]authorizationv1.ExtraValue{"pod": {"a"}},
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Verb: "get", Path: "/metrics"},
	}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Errorf("question (-want +got):\n%s", diff)
	}
}

// Every scrape asks with the same token: answers are remembered for a time, a refusal for a shorter one, a failure not at all.
func TestAnswersOnMetricsAreRemembered(t *testing.T) {
	for name, test := range map[string]struct {
		token  string
		denied bool
		fails  error
		// counts is how long the answer does
		counts time.Duration
	}{
		"allowed": {token: "good", counts: allowedFor}, "denied": {token: "good", denied: true, counts: refusedFor},
		"unknown": {token: "bad", counts: refusedFor}, "failed": {token: "good", fails: errors.New("down")},
	} {
		f := newReviewFixture()
		f.allowed, f.fails = !test.denied, test.fails
		first := f.status(t, "Bearer "+test.token)
		if test.counts > 0 {
			f.clock.Step(test.counts - time.Second)
			if got := f.status(t, "Bearer "+test.token); got != first || f.reviews != 1 {
				t.Errorf("%s: then %d after %d reviews, want %d after one", name, got, f.reviews, first)
			}
		}
		f.clock.Step(2 * time.Second)
		if f.status(t, "Bearer "+test.token); f.reviews != 2 {
			t.Errorf("%s: %d reviews when the answer is old, want 2", name, f.reviews)
		}
	}
}
