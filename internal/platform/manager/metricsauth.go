// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
)

const (
	// reviewedTokens is how many answers are remembered.
	reviewedTokens = 1000
	// allowedFor and refusedFor are how long an answer counts: a scraper comes every few seconds, and one that gets its permission should
	// not wait long.
	allowedFor = time.Minute
	refusedFor = 10 * time.Second
	// reviewTimeout bounds the questions to the API server for one request.
	reviewTimeout = 10 * time.Second
)

// reviewer lets requests through whose bearer token the API server knows, and whose owner may do with the path what the request does
// (manager specification 19.14). The rule that permits it is on nonResourceURLs.
type reviewer struct {
	tokens authenticationclient.TokenReviewInterface
	access authorizationclient.SubjectAccessReviewInterface
	// answers are HTTP statuses by token and request.
	answers *cache.LRUExpireCache
	log     logr.Logger
}

func newReviewer(config *rest.Config, clk cache.Clock, log logr.Logger) (*reviewer, error) {
	authentication, err := authenticationclient.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("build client of token reviews: %w", err)
	}
	authorization, err := authorizationclient.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("build client of access reviews: %w", err)
	}
	return &reviewer{
		tokens: authentication.TokenReviews(), access: authorization.SubjectAccessReviews(),
		answers: cache.NewLRUExpireCacheWithClock(reviewedTokens, clk), log: log,
	}, nil
}

// question is what an answer belongs to. The token itself is not kept.
type question struct {
	token      [sha256.Size]byte
	verb, path string
}

// protect returns next behind the review.
func (r *reviewer) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		switch status := r.review(request); status {
		case http.StatusOK:
			next.ServeHTTP(w, request)
		case http.StatusUnauthorized:
			w.Header().Set("WWW-Authenticate", "Bearer")
			fallthrough
		default:
			http.Error(w, http.StatusText(status), status)
		}
	})
}

// review returns StatusOK for a request that may pass.
func (r *reviewer) review(request *http.Request) int {
	scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); token == "" || !strings.EqualFold(scheme, "Bearer") {
		return http.StatusUnauthorized
	}
	q := question{sha256.Sum256([]byte(token)), strings.ToLower(request.Method), request.URL.Path}
	if known, found := r.answers.Get(q); found {
		return known.(int)
	}
	ctx, cancel := context.WithTimeout(request.Context(), reviewTimeout)
	defer cancel()
	status, err := r.ask(ctx, token, q)
	if err != nil {
		r.log.Error(err, "Who asks for metrics cannot be told")
		return http.StatusInternalServerError
	}
	counts := refusedFor
	if status == http.StatusOK {
		counts = allowedFor
	}
	r.answers.Add(q, status, counts)
	return status
}

func (r *reviewer) ask(ctx context.Context, token string, q question) (int, error) {
	review, err := r.tokens.Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	switch {
	case err != nil:
		return 0, fmt.Errorf("review a token: %w", err)
	case !review.Status.Authenticated:
		return http.StatusUnauthorized, nil
	}
	user := review.Status.User
	access := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: map[string]authorizationv1.ExtraValue{},
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Verb: q.verb, Path: q.path},
	}}
	for name, value := range user.Extra {
		access.Spec.Extra[name] = authorizationv1.ExtraValue(value)
	}
	if access, err = r.access.Create(ctx, access, metav1.CreateOptions{}); err != nil {
		return 0, fmt.Errorf("review what %s may do: %w", user.Username, err)
	}
	if !access.Status.Allowed {
		return http.StatusForbidden, nil
	}
	return http.StatusOK, nil
}
