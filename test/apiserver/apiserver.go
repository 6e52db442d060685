// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package apiserver gives tests a real API server: etcd and kube-apiserver of their own, with the CRDs installed. Tests
// that use it carry the build tag "apiserver" and find the binaries through $KUBEBUILDER_ASSETS.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	appsv1alpha1 "kruise.io/kruise/api/apps/v1alpha1"
	appsv1beta1 "kruise.io/kruise/api/apps/v1beta1"
	policyv1alpha1 "kruise.io/kruise/api/policy/v1alpha1"
	policyv1beta1 "kruise.io/kruise/api/policy/v1beta1"
	"kruise.io/kruise/config"
)

const (
	assetsVariable = "KUBEBUILDER_ASSETS"
	startTimeout   = 90 * time.Second
	stopTimeout    = 30 * time.Second
)

// Environment is one API server with etcd. There are no other controllers in it: nothing deletes a namespace's
// contents, schedules a Pod or collects garbage.
type Environment struct {
	// Config is the administrator's, without client-side throttle.
	Config *rest.Config
	// Scheme knows Kubernetes' own kinds, CustomResourceDefinitions and every kind of this product.
	Scheme *runtime.Scheme
	// Client is the administrator's live client.
	Client client.Client

	server *envtest.Environment
}

// Main is what TestMain calls: it starts an environment, hands it to use, runs the tests, stops it and returns the exit code.
func Main(m *testing.M, use func(*Environment)) int {
	env, err := Start()
	if err != nil {
		fmt.Fprintf(os.Stderr, "start API server: %v\n", err)
		return 1
	}
	use(env)
	code := m.Run()
	if err := env.Stop(); err != nil {
		fmt.Fprintf(os.Stderr, "stop API server: %v\n", err)
		return 1
	}
	return code
}

// Start starts an API server with every CRD installed. There is nobody to convert: what one version cannot say is dropped, as
// the API server does for CRDs without a conversion webhook.
func Start() (*Environment, error) {
	crds, err := config.CRDs()
	if err != nil {
		return nil, err
	}
	for _, crd := range crds {
		crd.Spec.Conversion = nil
	}
	return StartWith(crds...)
}

// StartWith starts an API server with the given CRDs only, as they are.
func StartWith(crds ...*apiextensionsv1.CustomResourceDefinition) (*Environment, error) {
	if os.Getenv(assetsVariable) == "" {
		return nil, fmt.Errorf("%s is not set: run `make test`, which builds etcd and kube-apiserver and sets it", assetsVariable)
	}
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	server := &envtest.Environment{
		Scheme:                   scheme,
		CRDs:                     crds,
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  stopTimeout,
	}
	server.ControlPlane.GetAPIServer().Configure().
		Append("allow-privileged", "true").
		// Requests of controllers under test must not queue behind each other.
		Append("max-requests-inflight", "1000").
		Append("max-mutating-requests-inflight", "1000")
	restConfig, err := server.Start()
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	restConfig.QPS = -1
	admin, err := client.New(restConfig, client.Options{Scheme: scheme})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("build client: %w", err), server.Stop())
	}
	return &Environment{Config: restConfig, Scheme: scheme, Client: admin, server: server}, nil
}

// Stop ends the API server and etcd.
func (e *Environment) Stop() error { return e.server.Stop() }

// Namespace makes a namespace for one test and returns its name. Nothing empties it afterwards.
func (e *Environment) Namespace(tb testing.TB) string {
	tb.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := e.Client.Create(tb.Context(), namespace); err != nil {
		tb.Fatalf("create namespace: %v", err)
	}
	return namespace.Name
}

// ServiceAccount returns a configuration that speaks as an existing ServiceAccount, with a token from the API server.
func (e *Environment) ServiceAccount(ctx context.Context, namespace, name string) (*rest.Config, error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	token := &authenticationv1.TokenRequest{}
	if err := e.Client.SubResource("token").Create(ctx, account, token); err != nil {
		return nil, fmt.Errorf("request token for ServiceAccount %s/%s: %w", namespace, name, err)
	}
	restConfig := rest.AnonymousClientConfig(e.Config)
	restConfig.QPS = -1
	restConfig.BearerToken = token.Status.Token
	return restConfig, nil
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, appsv1alpha1.AddToScheme, appsv1beta1.AddToScheme,
		policyv1alpha1.AddToScheme, policyv1beta1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("build scheme: %w", err)
		}
	}
	return scheme, nil
}
