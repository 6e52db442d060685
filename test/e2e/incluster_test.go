// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/config"
	"kruise.io/kruise/test/e2e/managerprocess"
	"kruise.io/kruise/test/fixtures"
)

const (
	managerDeployment = "kruise-controller-manager"
	managerImage      = "openkruise/kruise-manager:e2e"
	// installLimit is what the product promises for a plain install applied in one go (manager specification, section 6).
	installLimit = 25 * time.Second
)

// TestInCluster runs the manager as users do: from an image, in a Pod, with the packaged manifests applied in one go, behind its Service.
func TestInCluster(t *testing.T) {
	if !suite.HasPlayground() || os.Getenv("PLAYGROUND_NODE_TYPE") != "real" {
		t.Skip("nodes that do not run containers cannot run the manager")
	}
	if err := suite.Playground(t.Context(), "image", "--program", suite.program, "--name", managerImage, "--push", os.Getenv("PLAYGROUND_REGISTRY")); err != nil {
		t.Fatal(err)
	}
	if err := suite.RemoveWebhooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Where the Service led in tests before must not get a share of the calls.
	if err := suite.ExposeService(t.Context(), managerNamespace, webhookService); err != nil {
		t.Fatal(err)
	}
	objects, err := config.Objects(config.Everything()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if object.GetKind() == "Deployment" {
			setImage(t, object, managerImage)
		}
	}
	t.Cleanup(func() { uninstall(t) })
	begin := time.Now()
	if err := suite.Apply(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	awaitManager(t, installLimit-time.Since(begin))
	t.Logf("the manager is Ready %s after the first manifest", time.Since(begin).Round(100*time.Millisecond))
	awaitWebhooks(t, installLimit-time.Since(begin))
	t.Logf("its webhooks answer %s after the first manifest", time.Since(begin).Round(100*time.Millisecond))

	s := newSpace(t, func() *managerprocess.Process { return nil }, nil)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.InPlaceIfPossible()))
	s.roll("web", fixtures.MainImage(webV2))
	if restarts := managerRestarts(t); restarts != 0 {
		t.Errorf("the manager was restarted %d times", restarts)
	}
}

func setImage(t *testing.T, deployment *unstructured.Unstructured, image string) {
	t.Helper()
	containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 {
		t.Fatalf("the Deployment has %d containers, want 1: %v", len(containers), err)
	}
	containers[0].(map[string]any)["image"] = image
	if err := unstructured.SetNestedSlice(deployment.Object, containers, "spec", "template", "spec", "containers"); err != nil {
		t.Fatal(err)
	}
}

func awaitManager(t *testing.T, limit time.Duration) {
	t.Helper()
	deployment := &appsv1.Deployment{}
	key := client.ObjectKey{Namespace: managerNamespace, Name: managerDeployment}
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, limit, true, func(ctx context.Context) (bool, error) {
		err := suite.Client.Get(ctx, key, deployment)
		return err == nil && deployment.Status.ReadyReplicas == 1, client.IgnoreNotFound(err)
	})
	if err != nil {
		logs, _ := suite.Kubectl(t.Context(), "", "logs", "-n", managerNamespace, "deployment/"+managerDeployment)
		t.Fatalf("the manager is not Ready in time: %v, status %+v\n%s", err, deployment.Status, logs)
	}
}

// awaitWebhooks waits until the API server knows the way to the manager, which it learns a moment after the manager is Ready.
func awaitWebhooks(t *testing.T, limit time.Duration) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, limit, true, func(ctx context.Context) (bool, error) {
		probe := fixtures.CloneSet("probe")
		probe.Namespace = metav1.NamespaceDefault
		last = suite.Client.Create(ctx, probe, client.DryRunAll)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("the webhooks do not answer in time: %v", last)
	}
}

func managerRestarts(t *testing.T) int32 {
	t.Helper()
	out, err := suite.Kubectl(t.Context(), "", "get", "pods", "-n", managerNamespace, "-l", "control-plane=controller-manager",
		"-o", "jsonpath={.items[0].status.containerStatuses[0].restartCount}")
	if err != nil {
		t.Fatal(err)
	}
	var restarts int32
	if _, err := fmt.Sscan(out, &restarts); err != nil {
		t.Fatalf("restart count %q: %v", out, err)
	}
	return restarts
}

// uninstall takes out what the other tests, whose managers run outside, do not use or make anew.
func uninstall(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := suite.RemoveWebhooks(ctx); err != nil {
		t.Error(err)
	}
	objects, err := config.Objects(config.Manager)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if err := suite.Client.Delete(ctx, object, client.PropagationPolicy(metav1.DeletePropagationForeground)); client.IgnoreNotFound(err) != nil {
			t.Errorf("delete %s: %v", object.GetName(), err)
		}
	}
	key := client.ObjectKey{Namespace: managerNamespace, Name: managerDeployment}
	if err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := suite.Client.Get(ctx, key, &appsv1.Deployment{}); !apierrors.IsNotFound(err) {
			return false, nil
		}
		// A manager that is still there would go on to write webhook configurations, and answer in place of others.
		pods := &corev1.PodList{}
		err := suite.Client.List(ctx, pods, client.InNamespace(managerNamespace), client.MatchingLabels{"control-plane": "controller-manager"})
		return err == nil && len(pods.Items) == 0, nil
	}); err != nil {
		t.Errorf("the manager is still there: %v", err)
	}
}
