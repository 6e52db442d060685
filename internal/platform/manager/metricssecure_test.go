// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Whoever may get /metrics gets them over TLS that the CA of the webhooks vouches for, and nobody else gets anything (manager
// specification 19.14).
func TestSecureMetrics(t *testing.T) {
	restConfig := install(t)
	namespace := env.Namespace(t)
	grant(t, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:auth-delegator"}, "kruise-system", "kruise-manager")
	reader := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: namespace}, Rules: []rbacv1.PolicyRule{
		{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}},
	}}
	create(t, reader)
	grant(t, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: reader.Name}, namespace, "prometheus")
	tokens := map[string]string{}
	for _, name := range []string{"prometheus", "stranger"} {
		create(t, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}})
		account, err := env.ServiceAccount(t.Context(), namespace, name)
		if err != nil {
			t.Fatal(err)
		}
		tokens[name] = account.BearerToken
	}
	address := "127.0.0.1:" + strconv.Itoa(freePort(t))
	r := startReplica(t, restConfig, outside(), "--metrics-addr="+address, "--metrics-secure")
	r.awaitReady(t, 10*time.Second)
	secure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.serving.Roots(), MinVersion: tls.VersionTLS12}}}
	// permissions are known to the API server with a delay
	eventually(t, 10*time.Second, func(context.Context) error {
		status, text, err := scrape(t, secure, address, tokens["prometheus"])
		if err != nil || status != http.StatusOK || !strings.Contains(text, "\nkruise_manager_is_leader ") {
			return fmt.Errorf("answer %d, %d bytes, %w", status, len(text), err)
		}
		return nil
	})
	for who, want := range map[string]int{"stranger": http.StatusForbidden, "nobody": http.StatusUnauthorized} {
		if status, text, err := scrape(t, secure, address, tokens[who]); err != nil || status != want || strings.Contains(text, "kruise_") {
			t.Errorf("%s gets %d, %v, want %d", who, status, err, want)
		}
	}
	if status, _, err := scrape(t, http.DefaultClient, address, tokens["prometheus"]); err == nil {
		t.Errorf("who does not trust the CA gets %d", status)
	}
}

// scrape gets the metrics.
func scrape(t *testing.T, with *http.Client, address, token string) (status int, text string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := with.Do(request)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), errors.Join(err, response.Body.Close())
}

// create creates an object for the time of the test.
func create(t *testing.T, object client.Object) {
	t.Helper()
	if err := env.Client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Client.Delete(context.Background(), object) })
}

// grant binds a ServiceAccount to a role for the time of the test.
func grant(t *testing.T, role rbacv1.RoleRef, namespace, account string) {
	t.Helper()
	create(t, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}, RoleRef: role,
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: account}},
	})
}
