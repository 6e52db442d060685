// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"k8s.io/utils/ptr"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/cluster"
	"kruise.io/kruise/test/e2e/metricsapi"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

func TestKubectlScale(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(1)))
	out, err := suite.Kubectl(t.Context(), "", "scale", "cloneset/web", "--replicas=3", "-n", s.Name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "scaled") {
		t.Errorf("kubectl scale says %q", out)
	}
	s.until("there are three", replicasAre("web", 3))
	out, err = suite.Kubectl(t.Context(), "", "get", "clone", "web", "-n", s.Name)
	if err != nil {
		t.Fatal(err)
	}
	if fields := strings.Fields(out); !strings.HasPrefix(strings.Join(fields, " "), "NAME DESIRED UPDATED UPDATED_READY UPDATED_AVAILABLE READY TOTAL AGE web 3 3 3 3 3 3") {
		t.Errorf("kubectl get says\n%s", out)
	}
}

// replicasAre holds when the CloneSet wants and has n replicas, all available.
func replicasAre(name string, n int32) condition {
	return func(v observe.View) error {
		want := v.CloneSets[name]
		if got := *want.Spec.Replicas; got != n {
			return fmt.Errorf("replicas is %d, want %d", got, n)
		}
		return rolledOut(want)(v)
	}
}

func TestHorizontalPodAutoscaler(t *testing.T) {
	s := shared(t)
	metrics, err := metricsapi.Start(suite.Client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(metrics.Close)
	registerMetrics(t, metrics.Port())
	metrics.SetUsage(100)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(1)))
	// Each Pod uses twice what it should: the number doubles, up to the bound.
	metrics.SetUsage(200)
	if err := s.client.Create(t.Context(), autoscaler(s.Name)); err != nil {
		t.Fatal(err)
	}
	s.until("the CloneSet is at its upper bound", replicasAre("web", 4))
	metrics.SetUsage(1)
	s.until("the CloneSet is at its lower bound", replicasAre("web", 1))
}

func registerMetrics(t *testing.T, port int) {
	t.Helper()
	const namespace, name = "kube-system", "e2e-metrics"
	if err := suite.ExposeService(t.Context(), namespace, name, port); err != nil {
		t.Fatal(err)
	}
	service := &apiregistrationv1.APIService{
		ObjectMeta: metav1.ObjectMeta{Name: "v1beta1.metrics.k8s.io"},
		Spec: apiregistrationv1.APIServiceSpec{
			Service: &apiregistrationv1.ServiceReference{Namespace: namespace, Name: name, Port: ptr.To[int32](cluster.ServicePort)},
			Group:   "metrics.k8s.io", Version: "v1beta1", InsecureSkipTLSVerify: true, GroupPriorityMinimum: 100, VersionPriority: 100,
		},
	}
	remove := func() {
		if err := suite.Client.Delete(context.Background(), service); err != nil {
			t.Errorf("delete APIService: %v", err)
		}
	}
	if err := suite.Client.Create(t.Context(), service); err != nil {
		t.Fatalf("create APIService (does the cluster have metrics of its own?): %v", err)
	}
	t.Cleanup(remove)
}

func autoscaler(namespace string) *autoscalingv2.HorizontalPodAutoscaler {
	rules := &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: ptr.To[int32](0)}
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: v1beta1.GroupVersion.String(), Kind: "CloneSet", Name: "web"},
			MinReplicas:    ptr.To[int32](1), MaxReplicas: 4,
			Metrics: []autoscalingv2.MetricSpec{{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{
					Name:   corev1.ResourceCPU,
					Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: resource.NewMilliQuantity(100, resource.DecimalSI)},
				},
			}},
			Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rules, ScaleDown: rules},
		},
	}
}
